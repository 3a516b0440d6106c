// Asks a court what a participant owes on a case (FCC807): node's soap makes the call from the published WSDL and signs
// it, xml-crypto proves the answer. What it needs, says and returns: ../README.md.
const crypto = require('crypto');
const fs = require('fs');
const { DOMParser } = require('@xmldom/xmldom');
const soap = require('soap');
const { SignedXml } = require('xml-crypto');

const WSA = 'http://www.w3.org/2005/08/addressing';
const DS = 'http://www.w3.org/2000/09/xmldsig#';
const OASIS = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-';
const WSSE = `${OASIS}wssecurity-secext-1.0.xsd`;
const WSU = `${OASIS}wssecurity-utility-1.0.xsd`;
const NIEM = 'http://niem.gov/niem/niem-core/2.0';
const C14N = 'http://www.w3.org/2001/10/xml-exc-c14n#';
const SHA256 = 'http://www.w3.org/2001/04/xmlenc#sha256';
const RSA_SHA256 = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256';

process.noDeprecation = true; // soap 1.13 calls what xml-crypto 6.3 advises against, and each run would say so

class Refused extends Error {} // a fault of the endpoint, signed or not: it did not get as far as the query
class NotProven extends Error {} // whoever wrote this answer, it cannot be shown that it was the court

const setting = (name, otherwise) => process.env[name] || otherwise;

// soap 1.13 writes a child of an imported type in its parent's namespace; so such a child is written out.
const niem = (name, text) => ({ $xml: `<nc:${name} xmlns:nc="${NIEM}">${text.replace(/[&<]/g, (c) => `&#${c.charCodeAt()};`)}</nc:${name}>` });

const elements = (parent, namespace, name) => Array.from(parent ? parent.childNodes : [])
  .filter((child) => (child.namespaceURI || null) === namespace && child.localName === name);

function only(parent, namespace, name) {
  const found = elements(parent, namespace, name);
  if (found.length !== 1) throw new NotProven(`there are ${found.length} of ${name}`);
  return found[0];
}

function parsed(xml) {
  const stop = (complaint) => { throw new NotProven(`it is no plain XML: ${complaint}`); };
  const handler = { warning: stop, error: stop, fatalError: stop };
  const document = new DOMParser({ errorHandler: handler }).parseFromString(xml, 'text/xml');
  if (document.doctype) stop('it has a document type');
  return document.documentElement;
}

// The answer is the court's, and the answer to this query; or an exception.
function prove(xml, courtCertificate, messageId) {
  const envelope = parsed(xml);
  const soapNamespace = envelope.namespaceURI;
  const [header, body] = ['Header', 'Body'].map((name) => only(envelope, soapNamespace, name));
  const faults = elements(body, soapNamespace, 'Fault');
  if (elements(header, WSSE, 'Security').length === 0 && faults.length === 1) {
    const reason = elements(faults[0], null, 'faultstring').concat(elements(faults[0], soapNamespace, 'Reason'));
    throw new Refused(`${reason.map((element) => element.textContent.trim()).join()} (nobody signed this)`);
  }

  // The certificate is the one that we were given, whatever the message carries. xml-crypto refuses an id that is there twice.
  const security = only(header, WSSE, 'Security');
  const signature = only(security, DS, 'Signature');
  const check = new SignedXml({ publicCert: courtCertificate, getCertFromKeyInfo: () => null, idAttributes: ['Id', 'ID', 'id'] });
  try {
    check.loadSignature(signature);
    if (check.signatureAlgorithm !== RSA_SHA256 || check.canonicalizationAlgorithm !== C14N) throw new Error('another algorithm');
    if (!check.checkSignature(xml)) throw new Error('a signed part was changed');
  } catch (error) {
    throw new NotProven(error.message);
  }
  // These references come from the SignedInfo that was just verified.
  const signed = check.getReferences().map((reference) => {
    if (reference.transforms.join() !== C14N || reference.digestAlgorithm !== SHA256) throw new NotProven('another algorithm');
    return reference.uri;
  });

  // What was signed is what will be read: these very elements, where they stand.
  const timestamp = only(security, WSU, 'Timestamp');
  const relatesTo = only(header, WSA, 'RelatesTo');
  for (const part of [body, timestamp, relatesTo]) {
    if (!signed.includes(`#${part.getAttributeNS(WSU, 'Id')}`)) throw new NotProven(`${part.localName} is not signed`);
  }
  if (relatesTo.textContent.trim() !== messageId) throw new NotProven('it answers another message');
  const expires = Date.parse(only(timestamp, WSU, 'Expires').textContent);
  if (!(expires > Date.now() - 60000)) throw new NotProven('it has expired');
}

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
  // The Timestamp that node's soap writes itself lives for ten minutes; the court takes no more than five.
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
  prove(xml, courtPem, `urn:uuid:${id}`);

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
