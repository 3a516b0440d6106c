// Asks a court what a participant owes on a case (FCC807): node's soap makes the call from the published WSDL and signs
// it, xml-crypto proves the answer. What it needs, says and returns: ../README.md.
const crypto = require('crypto');
const fs = require('fs');
const soap = require('soap');
const { C14N, NotProven, Refused, WSA, WSU, prove } = require('./envelope');

const NIEM = 'http://niem.gov/niem/niem-core/2.0';
process.noDeprecation = true; // soap 1.13 calls what xml-crypto 6.3 advises against, and each run would say so

const setting = (name, otherwise) => process.env[name] || otherwise;

// soap 1.13 writes a child of an imported type in its parent's namespace; so such a child is written out.
const niem = (name, text) => ({ $xml: `<nc:${name} xmlns:nc="${NIEM}">${text.replace(/[&<]/g, (c) => `&#${c.charCodeAt()};`)}</nc:${name}>` });

async function signedClient(url, key, certificate, messageId) {
  const version = setting('CCMS_SOAP', '1.2');
  const options = { forceSoap12Headers: version === '1.2', customDeserializer: { date: (text) => text, decimal: (text) => text } };
  const client = await soap.createClientAsync(`${url}?wsdl`, options);
  const name = `FCC807Soap${version.replace('.', '')}`;
  const port = client.wsdl.definitions.services.FCC807.ports[name];
  const action = port.binding.methods.QueryCaseParticipantBalance.soapAction;
  for (const [header, text] of [['To', setting('CCMS_TO', port.location)], ['Action', action], ['MessageID', messageId]]) {
    client.addSoapHeader(`<wsa:${header} xmlns:wsa="${WSA}">${text}</wsa:${header}>`);
  }
  // node's soap writes a Timestamp of its own with ten minutes, of which the court heeds five; this one says what is true.
  const now = Date.now();
  const moment = (later) => new Date(now + later).toISOString();
  const timestamp = `<wsu:Timestamp xmlns:wsu="${WSU}"><wsu:Created>${moment(0)}</wsu:Created>`
    + `<wsu:Expires>${moment(300000)}</wsu:Expires></wsu:Timestamp>`;
  client.setSecurity(new soap.WSSecurityCert(key, certificate, '', {
    hasTimeStamp: false,
    appendElement: timestamp,
    signatureTransformations: [C14N],
    additionalReferences: ['wsa:To', 'wsa:Action', 'wsa:MessageID', 'wsse:BinarySecurityToken', 'wsu:Timestamp'],
    signerOptions: { prefix: 'ds', idMode: 'wssecurity' },
  }));
  client.setEndpoint(url);
  return client.FCC807[name];
}

async function main(given) {
  if (given.length !== 6) {
    console.error('node query.js URL KEY CERTIFICATE COURT-CERTIFICATE CASE PARTICIPANT');
    return 2;
  }
  const [url, key, certificate, court, caseNumber, participant] = given;
  const [keyPem, certificatePem, courtPem] = [key, certificate, court].map((file) => fs.readFileSync(file, 'utf8'));
  const id = crypto.randomUUID();
  const client = await signedClient(url, keyPem, certificatePem, `urn:uuid:${id}`);
  const courtId = setting('CCMS_COURT', 'CA099015J');
  const asOf = setting('CCMS_AS_OF', '');
  const query = {
    MessageMetadata: {
      TransactionID: id,
      MessageDateTime: new Date().toISOString(),
      ExchangeCode: 'FCC807',
      MessageKindCode: 'Query',
      SchemaVersionID: '1.0',
      SendingParty: { PartyID: setting('CCMS_PARTNER', 'ADULT-PROBATION') },
      ReceivingParty: { PartyID: courtId },
      Court: { CourtORIID: courtId, CountyCode: setting('CCMS_COUNTY', '54') },
      TestIndicator: setting('CCMS_TEST', 'false') === 'true',
    },
    QuerySubmitter: { OrganizationName: 'Probation', SubmitterUnitCode: setting('CCMS_UNIT', 'AdultProbation') },
    SearchCriteria: { CaseTrackingID: caseNumber, CaseParticipantIdentification: niem('IdentificationID', participant) },
    ...(asOf && { BalanceAsOfDate: niem('Date', asOf) }),
  };
  const { error, answer, xml } = await new Promise((done) => {
    client.QueryCaseParticipantBalance(query, (error, answer, xml) => done({ error, answer, xml }), { timeout: 30000 });
  });
  if (!xml) throw error;
  prove(xml, courtPem, { RelatesTo: `urn:uuid:${id}` });

  // An element with attributes is an object whose text is $value, one without is the text alone.
  const text = (value) => (value && value.$value !== undefined ? value.$value : value);
  if (error) {
    const { Fault: fault } = error.root.Envelope.Body;
    const { CaseParticipantBalanceQueryError: found } = fault.detail || fault.Detail || {};
    if (!found) throw new Refused(error.message);
    const message = found.MessageError;
    console.log(`Error message: ${text(message.ErrorCodeText)}: ${text(message.ErrorReasonText)}`);
    return 4;
  }
  const { QueryRejection: rejection, CaseParticipantBalance: balance } = answer;
  if (rejection) {
    console.log(`Rejected: ${text(rejection.RejectionReasonCodeText)}: ${text(rejection.RejectionReasonText)}`);
    return 3;
  }
  const due = balance.BalanceDueAmount;
  const who = text(balance.CaseParticipant.CaseParticipantIdentification.IdentificationID);
  console.log(`Balance due: ${text(due)} ${due.attributes['nc:currencyCode']} as of ${text(balance.BalanceAsOfDate.Date)}, `
    + `case ${text(balance.CaseTrackingID)}, participant ${who}`);
  return 0;
}

main(process.argv.slice(2)).then((code) => { process.exitCode = code; }, (error) => {
  if (error instanceof Refused) console.error(`Refused: ${error.message}`);
  else if (error instanceof NotProven) console.error(`Answer not proven: ${error.message}`);
  else console.error(`Failed: ${error.message}`);
  process.exitCode = error instanceof Refused ? 5 : error instanceof NotProven ? 6 : 1;
});
