// A partner's program with node's `soap`, as it is: reads the published WSDL, makes one signed call, verifies the answer.
// node query.js WSDL KEY CERTIFICATE COURT-CERTIFICATE BODY ACTION TO MESSAGE-ID SOAP-VERSION
const fs = require('fs');
const soap = require('soap');
const { SignedXml } = require('xml-crypto');

const [wsdl, key, certificate, court, body, action, to, messageId, version] = process.argv.slice(2);
const WSA = 'http://www.w3.org/2005/08/addressing';

function verified(xml) {
  // What xml-crypto says of the court's signature, and which elements it covers.
  const found = xml.match(/<ds:Signature[\s\S]*<\/ds:Signature>/);
  if (!found) return { valid: false, parts: 0 };
  const check = new SignedXml({ publicCert: fs.readFileSync(court), idAttributes: ['Id'] });
  check.loadSignature(found[0]);
  return { valid: check.checkSignature(xml), parts: check.getSignedReferences().length };
}

async function main() {
  const soap12 = version === '1.2';
  const client = await soap.createClientAsync(wsdl, { forceSoap12Headers: soap12 });
  const operations = client.describe();
  // The Timestamp that node's soap writes itself lives for ten minutes; the court takes no more than five.
  const now = Date.now();
  const at = (ms) => new Date(now + ms).toISOString();
  const timestamp = '<wsu:Timestamp xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/'
    + 'oasis-200401-wss-wssecurity-utility-1.0.xsd">'
    + `<wsu:Created>${at(0)}</wsu:Created><wsu:Expires>${at(300000)}</wsu:Expires></wsu:Timestamp>`;
  client.setSecurity(new soap.WSSecurityCert(fs.readFileSync(key), fs.readFileSync(certificate).toString(), '', {
    hasTimeStamp: false,
    appendElement: timestamp,
    signatureTransformations: ['http://www.w3.org/2001/10/xml-exc-c14n#'],
    additionalReferences: ['wsa:To', 'wsa:Action', 'wsa:MessageID', 'wsse:BinarySecurityToken', 'wsu:Timestamp'],
    signerOptions: { prefix: 'ds', idMode: 'wssecurity' },
  }));
  for (const [name, value] of [['To', to], ['Action', action], ['MessageID', messageId]]) {
    client.addSoapHeader(`<wsa:${name} xmlns:wsa="${WSA}">${value}</wsa:${name}>`);
  }
  const port = client.FCC807[soap12 ? 'FCC807Soap12' : 'FCC807Soap11'];
  const call = new Promise((resolve) => {
    const content = fs.readFileSync(body, 'utf8');
    port.QueryCaseParticipantBalance(body.endsWith('.json') ? JSON.parse(content) : { _xml: content }, (error, result, raw) => {
      resolve({ error: error ? String(error.message || error) : null, result: error ? null : result, raw });
    }, { timeout: 20000 });
  });
  const { error, result, raw } = await call;
  console.log(JSON.stringify({ operations, error, result, signature: raw ? verified(raw) : null }));
}

main().catch((error) => { console.error(error.stack); process.exit(1); });
