// A SOAP envelope with a WS-Security signature, with javax.xml.crypto: how a query is signed and an answer is proven.
import java.io.*;
import java.nio.charset.StandardCharsets;
import java.security.*;
import java.time.Instant;
import java.util.*;
import java.util.stream.Stream;
import javax.xml.crypto.*;
import javax.xml.crypto.dom.*;
import javax.xml.crypto.dsig.*;
import javax.xml.crypto.dsig.dom.*;
import javax.xml.crypto.dsig.spec.*;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;
import org.w3c.dom.*;
import org.xml.sax.SAXException;

final class Envelope {
    static final String WSA = "http://www.w3.org/2005/08/addressing";
    static final String OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-";
    static final String WSSE = OASIS + "wssecurity-secext-1.0.xsd", WSU = OASIS + "wssecurity-utility-1.0.xsd";
    static final String DS = XMLSignature.XMLNS, C14N = CanonicalizationMethod.EXCLUSIVE;
    static final String RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
    static final XMLSignatureFactory SIGNATURES = XMLSignatureFactory.getInstance("DOM");

    static class Refused extends Exception { Refused(String why) { super(why); } }      // a fault of the endpoint, signed or not
    static class NotProven extends Exception { NotProven(String why) { super(why); } }  // perhaps not the court's answer

    static byte[] signed(String soap, String to, String action, UUID id, Instant now, String query, String certificate, PrivateKey key) throws Exception {
        var document = parse("""
            <s:Envelope xmlns:s="%s" xmlns:wsa="%s" xmlns:wsse="%s" xmlns:wsu="%s"><s:Header><wsa:To wsu:Id="to">%s</wsa:To>\
            <wsa:Action wsu:Id="action">%s</wsa:Action><wsa:MessageID wsu:Id="id">urn:uuid:%s</wsa:MessageID><wsse:Security s:mustUnderstand="1">\
            <wsu:Timestamp wsu:Id="time"><wsu:Created>%s</wsu:Created><wsu:Expires>%s</wsu:Expires></wsu:Timestamp>\
            <wsse:BinarySecurityToken EncodingType="%ssoap-message-security-1.0#Base64Binary" ValueType="%sx509-token-profile-1.0#X509v3" \
            wsu:Id="token">%s</wsse:BinarySecurityToken><wsse:SecurityTokenReference><wsse:Reference URI="#token" ValueType="%sx509-token-profile-1.0#X509v3"/>\
            </wsse:SecurityTokenReference></wsse:Security></s:Header><s:Body wsu:Id="body">%s</s:Body></s:Envelope>""".formatted(
            soap, WSA, WSSE, WSU, to, action, id, now, now.plusSeconds(300), OASIS, OASIS, certificate, OASIS, query).getBytes(StandardCharsets.UTF_8));
        var security = (Element) document.getElementsByTagNameNS(WSSE, "Security").item(0);
        var token = security.removeChild(security.getLastChild());
        var context = new DOMSignContext(key, security);
        context.setDefaultNamespacePrefix("ds");
        knowIds(document, context);
        var references = new ArrayList<Reference>();
        for (String part : List.of("body", "to", "action", "id", "time", "token")) {
            references.add(SIGNATURES.newReference("#" + part, SIGNATURES.newDigestMethod(DigestMethod.SHA256, null),
                List.of(SIGNATURES.newTransform(C14N, (TransformParameterSpec) null)), null, null));
        }
        var info = SIGNATURES.newSignedInfo(SIGNATURES.newCanonicalizationMethod(C14N, (C14NMethodParameterSpec) null),
            SIGNATURES.newSignatureMethod(RSA_SHA256, null), references);
        SIGNATURES.newXMLSignature(info, SIGNATURES.getKeyInfoFactory().newKeyInfo(List.of(new DOMStructure(token)))).sign(context);
        var bytes = new ByteArrayOutputStream();
        TransformerFactory.newInstance().newTransformer().transform(new DOMSource(document), new StreamResult(bytes));
        return bytes.toByteArray();
    }

    // Tells the JDK which attributes are ids; an id that is there twice could mean either element.
    static void knowIds(Document document, DOMCryptoContext context) throws NotProven {
        var all = document.getElementsByTagName("*");
        for (int i = 0; i < all.getLength(); i++) {
            var element = (Element) all.item(i);
            if (!element.hasAttributeNS(WSU, "Id")) continue;
            if (context.getElementById(element.getAttributeNS(WSU, "Id")) != null) throw new NotProven("an id is there twice");
            context.setIdAttributeNS(element, WSU, "Id");
        }
    }

    // The answer's Body, if it is the court's and the answer to this query; or an exception.
    static Element proven(byte[] answer, PublicKey court, UUID id) throws Exception {
        Element envelope;
        try {
            envelope = parse(answer).getDocumentElement();
        } catch (SAXException error) {
            throw new NotProven("it is no plain XML");
        }
        var soap = envelope.getNamespaceURI();
        Element header = only(envelope, soap, "Header"), body = only(envelope, soap, "Body");
        if (children(header, WSSE, "Security").isEmpty() && !children(body, soap, "Fault").isEmpty())
            throw new Refused(faultReason(body) + " (nobody signed this)");

        // The key is the one that we were given, whatever the message carries.
        var security = only(header, WSSE, "Security");
        var context = new DOMValidateContext(court, only(security, DS, "Signature"));
        knowIds(envelope.getOwnerDocument(), context);
        var signed = new ArrayList<Element>();
        try {
            var signature = SIGNATURES.unmarshalXMLSignature(context);
            var info = signature.getSignedInfo();
            if (!info.getSignatureMethod().getAlgorithm().equals(RSA_SHA256)) throw new NotProven("another algorithm");
            if (!signature.validate(context)) throw new NotProven("it is not signed with the court's key, or was changed");
            for (var reference : info.getReferences()) {
                var transforms = reference.getTransforms();
                if (transforms.size() != 1 || !transforms.get(0).getAlgorithm().equals(C14N)) throw new NotProven("another transform");
                if (!reference.getDigestMethod().getAlgorithm().equals(DigestMethod.SHA256)) throw new NotProven("another digest");
                signed.add(context.getElementById(reference.getURI().substring(1)));
            }
        } catch (javax.xml.crypto.MarshalException | XMLSignatureException error) {
            throw new NotProven(error.getMessage());
        }

        // What was signed is what will be read: these very elements, where they stand.
        Element timestamp = only(security, WSU, "Timestamp"), relatesTo = only(header, WSA, "RelatesTo");
        for (var part : List.of(body, timestamp, relatesTo))
            if (!signed.contains(part)) throw new NotProven(part.getLocalName() + " is not signed");
        if (!relatesTo.getTextContent().trim().equals("urn:uuid:" + id)) throw new NotProven("it answers another message");
        if (Instant.parse(text(timestamp, WSU, "Expires")).isBefore(Instant.now().minusSeconds(60))) throw new NotProven("it has expired");
        return body;
    }

    static Document parse(byte[] xml) throws Exception {
        var factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
        var builder = factory.newDocumentBuilder();
        builder.setErrorHandler(null);
        return builder.parse(new ByteArrayInputStream(xml));
    }

    static List<Element> children(Element parent, String namespace, String name) {
        var nodes = parent.getChildNodes();
        return Stream.iterate(0, i -> i < nodes.getLength(), i -> i + 1).map(nodes::item)
            .filter(node -> name.equals(node.getLocalName()) && namespace.equals(node.getNamespaceURI())).map(Element.class::cast).toList();
    }

    static Element only(Element parent, String namespace, String name) throws NotProven {
        var found = children(parent, namespace, name);
        if (found.size() != 1) throw new NotProven("there are " + found.size() + " of " + name);
        return found.get(0);
    }

    static String faultReason(Element body) {
        return text(body, "*", "faultstring") + text(body, body.getNamespaceURI(), "Text");
    }

    static String text(Element in, String namespace, String name) {
        var found = in.getElementsByTagNameNS(namespace, name);
        return found.getLength() == 0 ? "" : found.item(0).getTextContent().trim();
    }
}
