// Receives what a court sends (COL903 batches, DMV907 abstracts), proves it, and sends the answer to the court's service.
// xml-crypto proves and signs; what the program needs, says and does is in ../README.md.
const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const https = require('https');
const { XMLSerializer } = require('@xmldom/xmldom');
const { SignedXml } = require('xml-crypto');
const { C14N, NotProven, OASIS, RSA_SHA256, SHA256, SOAP11, SOAP12, WSA, WSSE, WSU, elements, only, prove } = require('./envelope');

process.noDeprecation = true;

const COL903 = 'urn:ccms-ws:exchange:COL903:1.0';
const DMV907 = 'urn:ccms-ws:exchange:DMV907:1.0';
const EXT = 'urn:ccms-ws:extension:1.0';
const NIEM = 'http://niem.gov/niem/niem-core/2.0';
const LARGEST = 64 << 20;
const ACTIONS = {
  [`${COL903}#CollectionBalanceUpdateBatch`]: 'urn:ccms-ws:partner:COL903:1.0:CollectionBalanceUpdates:CollectionBalanceUpdateBatch',
  [`${DMV907}#FailureToComplyAbstract`]: 'urn:ccms-ws:partner:DMV907:1.0:FailureToComplyAbstracts:FailureToComplyAbstract',
};
const MEDIA = { [SOAP11]: 'text/xml', [SOAP12]: 'application/soap+xml' };

const setting = (name, otherwise) => process.env[`CCMS_${name}`] || otherwise;
const escaped = (text) => text.replace(/[&<]/g, (c) => `&#${c.charCodeAt()};`);
const write = (element) => new XMLSerializer().serializeToString(element);

function text(parent, namespace, ...path) {
  const found = path.reduce((within, name) => within && elements(within, namespace, name)[0], parent);
  return found ? escaped(found.textContent.trim()) : '';
}

// `addressing`: the text of each wsa header by its name.
function signed(soapNamespace, addressing, payload, who) {
  const now = Date.now();
  const time = (later) => new Date(now + later).toISOString();
  const blocks = Object.entries(addressing).map(([name, value]) => `<wsa:${name} wsu:Id="${name}">${escaped(value)}</wsa:${name}>`);
  const envelope = `<s:Envelope xmlns:s="${soapNamespace}" xmlns:wsa="${WSA}" xmlns:wsse="${WSSE}" xmlns:wsu="${WSU}"><s:Header>${blocks.join('')}`
    + '<wsse:Security s:mustUnderstand="1"><wsu:Timestamp wsu:Id="Timestamp">'
    + `<wsu:Created>${time(0)}</wsu:Created><wsu:Expires>${time(300000)}</wsu:Expires></wsu:Timestamp>`
    + `<wsse:BinarySecurityToken EncodingType="${OASIS}soap-message-security-1.0#Base64Binary" ValueType="${OASIS}x509-token-profile-1.0#X509v3" `
    + `wsu:Id="Token">${who.token}</wsse:BinarySecurityToken></wsse:Security></s:Header><s:Body wsu:Id="Body">${payload}</s:Body></s:Envelope>`;
  const signature = new SignedXml({
    privateKey: who.key, signatureAlgorithm: RSA_SHA256, canonicalizationAlgorithm: C14N, idMode: 'wssecurity',
    getKeyInfoContent: () => `<wsse:SecurityTokenReference xmlns:wsse="${WSSE}"><wsse:Reference URI="#Token" `
      + `ValueType="${OASIS}x509-token-profile-1.0#X509v3"/></wsse:SecurityTokenReference>`,
  });
  for (const part of ['Body', 'Timestamp', 'Token', ...Object.keys(addressing)]) {
    signature.addReference({ xpath: `//*[@*[local-name(.)='Id']='${part}']`, transforms: [C14N], digestAlgorithm: SHA256 });
  }
  signature.computeSignature(envelope, { prefix: 'ds', location: { reference: "//*[local-name(.)='Security']", action: 'append' } });
  return signature.getSignedXml();
}

const error = (code) => `<ext:MessageError><ext:ErrorCodeText>${escaped(code)}</ext:ErrorCodeText>`
  + '<ext:ErrorReasonText>The message cannot be processed.</ext:ErrorReasonText></ext:MessageError>';

// Name, id and text of the answer to a message; null if silence is the answer.
function answerTo(message) {
  const wrong = setting('REFUSE', '');
  const id = crypto.randomUUID();
  let root;
  let about;
  if (message.localName === 'CollectionBalanceUpdateBatch') {
    const count = elements(message, COL903, 'CollectionBalanceUpdate').length;
    if (!wrong && text(message, COL903, 'BatchRecordQuantity') === String(count)) return null;
    root = 'col903:CollectionBalanceUpdateError';
    about = `<col903:BatchID>${text(message, COL903, 'BatchID')}</col903:BatchID><col903:BatchRefusedIndicator>true</col903:BatchRefusedIndicator>`
      + error(wrong || 'ControlTotalMismatch');
  } else {
    root = `dmv907:FailureToComplyAbstract${wrong ? 'Error' : 'Response'}`;
    about = `<dmv907:AbstractID>${text(message, DMV907, 'AbstractID')}</dmv907:AbstractID>`;
    const subject = only(message, DMV907, 'AbstractSubject');
    about += wrong ? error(wrong) : write(only(subject, EXT, 'DriverLicense'))
      + `<nc:CaseTrackingID>${text(message, NIEM, 'CaseTrackingID')}</nc:CaseTrackingID><dmv907:MessageCodeText>ACCEPTED</dmv907:MessageCodeText>`;
  }
  const said = (...path) => text(message, EXT, 'MessageMetadata', ...path);
  const answer = `<${root} xmlns:col903="${COL903}" xmlns:dmv907="${DMV907}" xmlns:ext="${EXT}" xmlns:nc="${NIEM}"><ext:MessageMetadata>`
    + `<ext:TransactionID>${id}</ext:TransactionID><ext:CorrelationID>${said('TransactionID')}</ext:CorrelationID>`
    + `<ext:MessageDateTime>${new Date().toISOString()}</ext:MessageDateTime><ext:ExchangeCode>${said('ExchangeCode')}</ext:ExchangeCode>`
    + `<ext:MessageKindCode>${root.endsWith('Response') ? 'Response' : 'Error'}</ext:MessageKindCode><ext:SchemaVersionID>1.0</ext:SchemaVersionID>`
    + `<ext:SendingParty><ext:PartyID>${said('ReceivingParty', 'PartyID')}</ext:PartyID></ext:SendingParty>`
    + `<ext:ReceivingParty><ext:PartyID>${said('SendingParty', 'PartyID')}</ext:PartyID></ext:ReceivingParty>`
    + `<ext:Court><ext:CourtORIID>${said('Court', 'CourtORIID')}</ext:CourtORIID><ext:CountyCode>${said('Court', 'CountyCode')}</ext:CountyCode></ext:Court>`
    + `<ext:TestIndicator>${said('TestIndicator')}</ext:TestIndicator></ext:MessageMetadata>${about}</${root}>`;
  return { name: root.split(':')[1], id, answer };
}

const post = (url, headers, message) => new Promise((done, failed) => {
  const request = (url.startsWith('https:') ? https : http).request(url, { method: 'POST', headers, timeout: 30000 }, (answer) => {
    answer.resume().on('end', () => done(answer.statusCode));
  });
  request.on('timeout', () => request.destroy(new Error('no answer in 30 seconds'))).on('error', failed).end(message);
});

class Receiver {
  constructor(address, who, courtService) {
    Object.assign(this, { address, who, courtService, received: new Map() });
  }

  // The HTTP status for a message.
  receive(xml) {
    const { said, body, soapNamespace } = prove(xml, this.who.court, { To: this.address });
    const [payload, ...others] = elements(body);
    const action = payload && ACTIONS[`${payload.namespaceURI}#${payload.localName}`];
    if (!action || others.length || said.Action !== action) throw new NotProven('the Action is not that of the message');
    const id = said.MessageID || '';
    if (id.toLowerCase() !== `urn:uuid:${text(payload, EXT, 'MessageMetadata', 'TransactionID')}`) throw new NotProven('the MessageID is not the TransactionID');
    const content = write(payload);
    // A real receiver keeps ids and messages in its database, in one transaction.
    if (this.received.has(id)) return this.received.get(id) === content ? 202 : 500;
    this.received.set(id, content);
    console.log(`Received: ${payload.localName} ${id}`);
    const answer = answerTo(payload);
    if (answer) this.send(soapNamespace, id, answer).catch((failure) => console.error(`Failed: ${failure.message}`));
    return 202;
  }

  // Send an answer to the court's service, again under the same id until the court has it.
  async send(soapNamespace, relatesTo, { name, id, answer }) {
    const portType = name.startsWith('Collection') ? 'COL903-answers:1.0:CollectionBalanceAnswers' : 'DMV907-answers:1.0:FailureToComplyAnswers';
    const action = `urn:ccms-ws:service:${portType}:${name}`;
    const headers = soapNamespace === SOAP12 ? { 'Content-Type': `${MEDIA[SOAP12]}; charset=utf-8; action="${action}"` }
      : { 'Content-Type': `${MEDIA[SOAP11]}; charset=utf-8`, SOAPAction: `"${action}"` };
    for (const wait of [0, 1, 5, 30, 120]) {
      await new Promise((done) => { setTimeout(done, wait * 1000); });
      const addressing = { To: this.courtService, Action: action, MessageID: `urn:uuid:${id}`, RelatesTo: relatesTo };
      try {
        const status = await post(this.courtService, headers, signed(soapNamespace, addressing, answer, this.who));
        if (status < 300) {
          console.log(`Answered: ${name} ${relatesTo} ${status}`);
          return;
        }
        console.error(`The court refuses the answer: ${status}`);
        if (![429, 503].includes(status)) return;
      } catch (failure) {
        console.error(`The court cannot be reached: ${failure.message}`);
      }
    }
  }
}

// What a sender hears who is not proven to be the court: nothing about the reason.
function fault(soapNamespace) {
  const sentence = 'The message is not accepted.';
  const code = soapNamespace === SOAP11 ? `<faultcode>s:Client</faultcode><faultstring>${sentence}</faultstring>`
    : `<s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text xml:lang="en">${sentence}</s:Text></s:Reason>`;
  return `<s:Envelope xmlns:s="${soapNamespace}"><s:Body><s:Fault>${code}</s:Fault></s:Body></s:Envelope>`;
}

function serve(receiver, request, response) {
  const media = (request.headers['content-type'] || '').split(';')[0].trim().toLowerCase();
  const soapNamespace = Object.keys(MEDIA).find((each) => MEDIA[each] === media);
  const answer = (status, body = '') => response.writeHead(status, {
    'Content-Type': `${MEDIA[soapNamespace || SOAP11]}; charset=utf-8`, 'Content-Length': Buffer.byteLength(body),
  }).end(body);
  const pieces = [];
  let size = 0;
  request.on('data', (piece) => {
    size += piece.length;
    if (size > LARGEST) request.destroy();
    pieces.push(piece);
  }).on('end', () => {
    if (request.method !== 'POST') return answer(405);
    if (!soapNamespace || request.headers['content-encoding']) return answer(415);
    try {
      const xml = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(pieces));
      const status = receiver.receive(xml);
      return answer(status, status === 202 ? '' : fault(soapNamespace));
    } catch (failure) {
      console.error(`Refused: ${failure.message}`);
      return answer(soapNamespace === SOAP11 ? 500 : 400, fault(soapNamespace));
    }
  }).on('error', (failure) => console.error(`A connection broke: ${failure.message}`));
}

function main(given) {
  if (given.length !== 5) {
    console.error('node receive.js ADDRESS KEY CERTIFICATE COURT-CERTIFICATE COURT-SERVICE');
    process.exit(2);
  }
  const [address, key, certificate, court, courtService] = given;
  const [keyPem, certificatePem, courtPem] = [key, certificate, court].map((file) => fs.readFileSync(file, 'utf8'));
  const token = new crypto.X509Certificate(certificatePem).raw.toString('base64');
  const receiver = new Receiver(setting('TO', address), { key: keyPem, token, court: courtPem }, courtService);
  const at = new URL(address);
  const server = http.createServer((request, response) => serve(receiver, request, response));
  server.listen(Number(at.port || 80), at.hostname, () => console.log(`Listening at ${address}`));
}

main(process.argv.slice(2));
