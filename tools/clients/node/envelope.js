// What proves that a message is the court's: xml-crypto for the signature, and what was signed is what will be read.
const { DOMParser } = require('@xmldom/xmldom');
const { SignedXml } = require('xml-crypto');

const SOAP11 = 'http://schemas.xmlsoap.org/soap/envelope/';
const SOAP12 = 'http://www.w3.org/2003/05/soap-envelope';
const WSA = 'http://www.w3.org/2005/08/addressing';
const DS = 'http://www.w3.org/2000/09/xmldsig#';
const OASIS = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-';
const WSSE = `${OASIS}wssecurity-secext-1.0.xsd`;
const WSU = `${OASIS}wssecurity-utility-1.0.xsd`;
const C14N = 'http://www.w3.org/2001/10/xml-exc-c14n#';
const SHA256 = 'http://www.w3.org/2001/04/xmlenc#sha256';
const RSA_SHA256 = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256';
const SKEW = 60000;

class Refused extends Error {} // a fault of the other side, signed or not
class NotProven extends Error {} // whoever wrote this message, it cannot be shown that it was the court

const elements = (parent, namespace, name) => Array.from(parent ? parent.childNodes : [])
  .filter((child) => child.nodeType === 1 && (!name || ((child.namespaceURI || null) === namespace && child.localName === name)));

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
  const instructions = (node) => Array.from(node.childNodes || []).some((child) => (child.nodeType === 7 && child.nodeName !== 'xml') || instructions(child));
  if (instructions(document)) stop('it has a processing instruction');
  return document.documentElement;
}

const moment = (timestamp, name) => {
  const text = only(timestamp, WSU, name).textContent.trim();
  const at = /Z$/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(at)) throw new NotProven(`${name} is no time`);
  return at;
};

// The texts of the wsa headers and the Body, if the message is the court's and headers say what is expected; or an exception.
function prove(xml, courtCertificate, expected) {
  const envelope = parsed(xml);
  const soapNamespace = envelope.namespaceURI;
  if (envelope.localName !== 'Envelope' || ![SOAP11, SOAP12].includes(soapNamespace)) throw new NotProven('it is no Envelope');
  const [header, body] = ['Header', 'Body'].map((name) => only(envelope, soapNamespace, name));
  const faults = elements(body, soapNamespace, 'Fault');
  if (elements(header, WSSE, 'Security').length === 0 && faults.length === 1) {
    const reason = elements(faults[0], null, 'faultstring').concat(elements(faults[0], soapNamespace, 'Reason'));
    throw new Refused(`${reason.map((element) => element.textContent.trim()).join()} (nobody signed this)`);
  }
  const parts = elements(envelope);
  if (parts.length !== 2 || parts[0] !== header) throw new NotProven('it is no Envelope of Header and Body');

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
  const blocks = elements(header).filter((block) => block.namespaceURI === WSA);
  const said = {};
  for (const part of [body, timestamp, ...blocks]) {
    if (!signed.includes(`#${part.getAttributeNS(WSU, 'Id')}`)) throw new NotProven(`${part.localName} is not signed`);
    if (part.localName in said) throw new NotProven(`${part.localName} is there twice`);
    if (blocks.includes(part)) said[part.localName] = part.textContent.trim();
  }
  for (const [name, text] of Object.entries(expected)) {
    if (said[name] !== text) throw new NotProven(`${name} is ${said[name]}`);
  }
  for (const block of elements(header)) {
    if (block === security || blocks.includes(block)) continue;
    if (['1', 'true'].includes(block.getAttributeNS(soapNamespace, 'mustUnderstand'))) throw new NotProven(`${block.localName} must be understood`);
  }
  const now = Date.now();
  if (moment(timestamp, 'Created') - SKEW > now || moment(timestamp, 'Expires') + SKEW < now) throw new NotProven('it has expired, or the clocks differ');
  return { said, body, soapNamespace };
}

module.exports = { C14N, DS, NotProven, OASIS, RSA_SHA256, Refused, SHA256, SOAP11, SOAP12, WSA, WSSE, WSU, elements, only, parsed, prove };
