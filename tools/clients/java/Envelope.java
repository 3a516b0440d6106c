// A SOAP envelope with a WS-Security signature, with javax.xml.crypto: how a message is signed and one is proven.
import java.io.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.security.*;
import java.security.cert.*;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Instant;
import java.time.format.DateTimeParseException;
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
    static final String SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/", SOAP12 = "http://www.w3.org/2003/05/soap-envelope";
    static final String WSA = "http://www.w3.org/2005/08/addressing";
    static final String OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-";
    static final String WSSE = OASIS + "wssecurity-secext-1.0.xsd", WSU = OASIS + "wssecurity-utility-1.0.xsd";
    static final String DS = XMLSignature.XMLNS, C14N = CanonicalizationMethod.EXCLUSIVE;
    static final String RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
    static final XMLSignatureFactory SIGNATURES = XMLSignatureFactory.getInstance("DOM");

    static class Refused extends Exception { Refused(String why) { super(why); } }      // a fault of the endpoint, signed or not
    static class NotProven extends Exception { NotProven(String why) { super(why); } }  // perhaps not the court's answer

    // Our key and certificate (base64), and the court's key.
    record Identity(PrivateKey key, String certificate, PublicKey court) {
        static Identity load(String key, String certificate, String court) throws Exception {
            var pem = Files.readString(Path.of(key)).replaceAll("-----[A-Z ]+-----|\\s", "");
            return new Identity(KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem))),
                Base64.getEncoder().encodeToString(certificate(certificate).getEncoded()), certificate(court).getPublicKey());
        }

        static X509Certificate certificate(String file) throws Exception {
            try (var in = Files.newInputStream(Path.of(file))) {
                return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
            }
        }
    }

    // A message that is proven to be the court's: the texts of its wsa headers, and its Body.
    record Message(Map<String, String> said, Element body) { }

    // `addressing`: name and text of each wsa header.
    static byte[] signed(String soap, Map<String, String> addressing, Instant now, String payload, Identity who) throws Exception {
        var blocks = new StringBuilder();
        addressing.forEach((name, text) -> blocks.append("<wsa:%s wsu:Id=\"%s\">%s</wsa:%s>".formatted(name, name, escaped(text), name)));
        var document = parse("""
            <s:Envelope xmlns:s="%s" xmlns:wsa="%s" xmlns:wsse="%s" xmlns:wsu="%s"><s:Header>%s<wsse:Security s:mustUnderstand="1">\
            <wsu:Timestamp wsu:Id="time"><wsu:Created>%s</wsu:Created><wsu:Expires>%s</wsu:Expires></wsu:Timestamp>\
            <wsse:BinarySecurityToken EncodingType="%ssoap-message-security-1.0#Base64Binary" ValueType="%sx509-token-profile-1.0#X509v3" \
            wsu:Id="token">%s</wsse:BinarySecurityToken><wsse:SecurityTokenReference><wsse:Reference URI="#token" ValueType="%sx509-token-profile-1.0#X509v3"/>\
            </wsse:SecurityTokenReference></wsse:Security></s:Header><s:Body wsu:Id="body">%s</s:Body></s:Envelope>""".formatted(
            soap, WSA, WSSE, WSU, blocks, now, now.plusSeconds(300), OASIS, OASIS, who.certificate, OASIS, payload).getBytes(StandardCharsets.UTF_8));
        var security = (Element) document.getElementsByTagNameNS(WSSE, "Security").item(0);
        var token = security.removeChild(security.getLastChild());
        var context = new DOMSignContext(who.key, security);
        context.setDefaultNamespacePrefix("ds");
        knowIds(document, context);
        var references = new ArrayList<Reference>();
        for (String part : Stream.concat(Stream.of("body", "time", "token"), addressing.keySet().stream()).toList()) {
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

    // The message, if it is the court's and the header `name` says what is expected; or an exception.
    static Message proven(byte[] message, Identity who, String name, String expected) throws Exception {
        Element envelope;
        try {
            envelope = parse(message).getDocumentElement();
        } catch (SAXException error) {
            throw new NotProven("it is no plain XML");
        }
        var soap = envelope.getNamespaceURI();
        if (!"Envelope".equals(envelope.getLocalName()) || !List.of(SOAP11, SOAP12).contains(soap)) throw new NotProven("it is no Envelope");
        Element header = only(envelope, soap, "Header"), body = only(envelope, soap, "Body");
        if (children(header, WSSE, "Security").isEmpty() && !children(body, soap, "Fault").isEmpty())
            throw new Refused(faultReason(body) + " (nobody signed this)");
        if (!elements(envelope).equals(List.of(header, body))) throw new NotProven("it is no Envelope of Header and Body");

        // The key is the one that we were given, whatever the message carries.
        var security = only(header, WSSE, "Security");
        var context = new DOMValidateContext(who.court, only(security, DS, "Signature"));
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
        var timestamp = only(security, WSU, "Timestamp");
        var said = new HashMap<String, String>();
        for (var part : Stream.concat(Stream.of(body, timestamp), elements(header).stream()).toList()) {
            boolean addressing = WSA.equals(part.getNamespaceURI());
            if ((addressing || part == body || part == timestamp) && !signed.contains(part)) throw new NotProven(part.getLocalName() + " is not signed");
            if (addressing && said.put(part.getLocalName(), part.getTextContent().trim()) != null) throw new NotProven(part.getLocalName() + " is there twice");
            if (!addressing && part != security && List.of("1", "true").contains(part.getAttributeNS(soap, "mustUnderstand")))
                throw new NotProven(part.getLocalName() + " must be understood");
        }
        if (!expected.equals(said.get(name))) throw new NotProven(name + " is " + said.get(name));
        var now = Instant.now();
        try {
            if (Instant.parse(only(timestamp, WSU, "Created").getTextContent().trim()).isAfter(now.plusSeconds(60))
                || Instant.parse(only(timestamp, WSU, "Expires").getTextContent().trim()).isBefore(now.minusSeconds(60)))
                throw new NotProven("it has expired, or the clocks differ");
        } catch (DateTimeParseException error) {
            throw new NotProven("a time is none");
        }
        return new Message(said, body);
    }

    // The exclusive canonical form, which is what two copies of a message have in common.
    static byte[] canonical(Element element) throws Exception {
        var nodes = new ArrayList<Node>();
        collect(element, nodes);
        var octets = (OctetStreamData) SIGNATURES.newTransform(C14N, (TransformParameterSpec) null).transform((NodeSetData<Node>) nodes::iterator, null);
        return octets.getOctetStream().readAllBytes();
    }

    private static void collect(Node node, List<Node> into) {
        into.add(node);
        var attributes = node.getAttributes();
        for (int i = 0; attributes != null && i < attributes.getLength(); i++) into.add(attributes.item(i));
        for (var child = node.getFirstChild(); child != null; child = child.getNextSibling()) collect(child, into);
    }

    static String escaped(String text) { return text.replace("&", "&amp;").replace("<", "&lt;"); }

    static Document parse(byte[] xml) throws Exception {
        var factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
        var builder = factory.newDocumentBuilder();
        builder.setErrorHandler(null);
        var document = builder.parse(new ByteArrayInputStream(xml));
        if (hasInstruction(document)) throw new NotProven("it has a processing instruction");
        return document;
    }

    private static boolean hasInstruction(Node node) {
        for (var child = node.getFirstChild(); child != null; child = child.getNextSibling())
            if (child.getNodeType() == Node.PROCESSING_INSTRUCTION_NODE || hasInstruction(child)) return true;
        return false;
    }

    static List<Element> elements(Element parent) {
        var nodes = parent.getChildNodes();
        return Stream.iterate(0, i -> i < nodes.getLength(), i -> i + 1).map(nodes::item)
            .filter(Element.class::isInstance).map(Element.class::cast).toList();
    }

    static List<Element> children(Element parent, String namespace, String name) {
        return elements(parent).stream().filter(each -> name.equals(each.getLocalName()) && namespace.equals(each.getNamespaceURI())).toList();
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
