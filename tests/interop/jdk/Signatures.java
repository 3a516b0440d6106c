// The JDK's own XML signature (javax.xml.crypto.dsig), as an oracle. One process for many files:
//   java Signatures.java verify CERT.pem MESSAGE...              prints "MESSAGE true|false" for each
//   java Signatures.java sign KEY.pem RSA|EC ALGORITHM IN OUT PART_ID...   signs these wsu:Ids; an empty KeyInfo is left
import java.io.File;
import java.io.FileInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import javax.xml.crypto.dom.DOMStructure;
import javax.xml.crypto.dsig.*;
import javax.xml.crypto.dsig.dom.DOMSignContext;
import javax.xml.crypto.dsig.dom.DOMValidateContext;
import javax.xml.crypto.dsig.keyinfo.KeyInfo;
import javax.xml.crypto.dsig.spec.C14NMethodParameterSpec;
import javax.xml.crypto.dsig.spec.TransformParameterSpec;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

public class Signatures {
    static final String WSU =
        "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";

    public static void main(String[] args) throws Exception {
        if (args[0].equals("verify")) {
            PublicKey key = CertificateFactory.getInstance("X.509")
                .generateCertificate(new FileInputStream(args[1])).getPublicKey();
            for (int i = 2; i < args.length; i++) {
                System.out.println(args[i] + " " + verify(key, new File(args[i])));
            }
        } else {
            sign(args);
        }
    }

    static Document parse(File file) throws Exception {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        return factory.newDocumentBuilder().parse(file);
    }

    static Element signatureOf(Document document) {
        return (Element) document.getElementsByTagNameNS(XMLSignature.XMLNS, "Signature").item(0);
    }

    static boolean verify(PublicKey key, File file) {
        try {
            Document document = parse(file);
            DOMValidateContext context = new DOMValidateContext(key, signatureOf(document));
            NodeList all = document.getElementsByTagName("*");
            for (int i = 0; i < all.getLength(); i++) {
                Element element = (Element) all.item(i);
                if (element.hasAttributeNS(WSU, "Id")) {
                    context.setIdAttributeNS(element, WSU, "Id");
                }
            }
            return XMLSignatureFactory.getInstance("DOM").unmarshalXMLSignature(context).validate(context);
        } catch (Exception error) {
            System.err.println(file + ": " + error);
            return false;
        }
    }

    static void sign(String[] args) throws Exception {
        String pem = Files.readString(Path.of(args[1])).replaceAll("-----[A-Z ]+-----|\\s", "");
        PrivateKey key = KeyFactory.getInstance(args[2])
            .generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem)));
        Document document = parse(new File(args[4]));
        Element template = signatureOf(document);
        Element security = (Element) template.getParentNode();
        Element keyInfo = (Element) template.getElementsByTagNameNS(XMLSignature.XMLNS, "KeyInfo").item(0);
        Element token = (Element) keyInfo.getFirstChild();
        security.removeChild(template);
        XMLSignatureFactory factory = XMLSignatureFactory.getInstance("DOM");
        DOMSignContext context = new DOMSignContext(key, security);
        context.setDefaultNamespacePrefix("ds");
        NodeList all = document.getElementsByTagName("*");
        for (int i = 0; i < all.getLength(); i++) {
            Element element = (Element) all.item(i);
            if (element.hasAttributeNS(WSU, "Id")) {
                context.setIdAttributeNS(element, WSU, "Id");
            }
        }
        List<Reference> references = new ArrayList<>();
        for (int i = 6; i < args.length; i++) {
            references.add(factory.newReference("#" + args[i], factory.newDigestMethod(DigestMethod.SHA256, null),
                List.of(factory.newTransform(CanonicalizationMethod.EXCLUSIVE, (TransformParameterSpec) null)), null, null));
        }
        SignedInfo info = factory.newSignedInfo(
            factory.newCanonicalizationMethod(CanonicalizationMethod.EXCLUSIVE, (C14NMethodParameterSpec) null),
            factory.newSignatureMethod(args[3], null), references);
        KeyInfo keys = factory.getKeyInfoFactory().newKeyInfo(List.of(new DOMStructure(token)));
        factory.newXMLSignature(info, keys).sign(context);
        TransformerFactory.newInstance().newTransformer()
            .transform(new DOMSource(document), new StreamResult(new File(args[5])));
    }
}
