// Asks a court what a participant owes on a case (FCC807) with the JDK alone. The JDK makes no classes from a WSDL any more:
// address and action are read from it, the query is written by hand and held against the published schema. What signs it
// and proves the answer is in Envelope.java; what the program needs, says and returns is in ../README.md.
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.*;
import java.time.temporal.ChronoUnit;
import java.util.*;
import javax.xml.XMLConstants;
import javax.xml.transform.dom.DOMSource;
import javax.xml.validation.SchemaFactory;
import org.w3c.dom.Element;

public class Query {
    static final String EXCHANGE = "urn:ccms-ws:exchange:FCC807:1.0", EXT = "urn:ccms-ws:extension:1.0";
    static final String NIEM = "http://niem.gov/niem/niem-core/2.0";

    static String setting(String name, String otherwise) {
        return System.getenv().getOrDefault(name, otherwise);
    }

    static String query(UUID id, Instant now, String caseNumber, String participant) {
        String court = setting("CCMS_COURT", "CA099015J"), asOf = setting("CCMS_AS_OF", "");
        return """
            <q:CaseParticipantBalanceQuery xmlns:q="%s" xmlns:ext="%s" xmlns:nc="%s"><ext:MessageMetadata>\
            <ext:TransactionID>%s</ext:TransactionID><ext:MessageDateTime>%s</ext:MessageDateTime>\
            <ext:ExchangeCode>FCC807</ext:ExchangeCode><ext:MessageKindCode>Query</ext:MessageKindCode><ext:SchemaVersionID>1.0</ext:SchemaVersionID>\
            <ext:SendingParty><ext:PartyID>%s</ext:PartyID></ext:SendingParty><ext:ReceivingParty><ext:PartyID>%s</ext:PartyID></ext:ReceivingParty>\
            <ext:Court><ext:CourtORIID>%s</ext:CourtORIID><ext:CountyCode>%s</ext:CountyCode></ext:Court><ext:TestIndicator>%s</ext:TestIndicator>\
            </ext:MessageMetadata><q:QuerySubmitter><nc:OrganizationName>Probation</nc:OrganizationName><q:SubmitterUnitCode>%s</q:SubmitterUnitCode>\
            </q:QuerySubmitter><q:SearchCriteria><nc:CaseTrackingID>%s</nc:CaseTrackingID><ext:CaseParticipantIdentification><nc:IdentificationID>%s\
            </nc:IdentificationID></ext:CaseParticipantIdentification></q:SearchCriteria>%s</q:CaseParticipantBalanceQuery>""".formatted(
            EXCHANGE, EXT, NIEM, id, now, setting("CCMS_PARTNER", "ADULT-PROBATION"), court, court, setting("CCMS_COUNTY", "54"),
            setting("CCMS_TEST", "false"), setting("CCMS_UNIT", "AdultProbation"), Envelope.escaped(caseNumber), Envelope.escaped(participant),
            asOf.isEmpty() ? "" : "<q:BalanceAsOfDate><nc:Date>" + asOf + "</nc:Date></q:BalanceAsOfDate>");
    }

    static int ask(String url, String keyFile, String certificateFile, String courtFile, String caseNumber, String participant) throws Exception {
        boolean soap12 = setting("CCMS_SOAP", "1.2").equals("1.2");
        var http = HttpClient.newHttpClient();
        var wsdl = Envelope.parse(http.send(HttpRequest.newBuilder(URI.create(url + "?wsdl")).build(), BodyHandlers.ofByteArray()).body());
        var binding = "http://schemas.xmlsoap.org/wsdl/" + (soap12 ? "soap12/" : "soap/");
        var to = setting("CCMS_TO", ((Element) wsdl.getElementsByTagNameNS(binding, "address").item(0)).getAttribute("location"));
        var action = ((Element) wsdl.getElementsByTagNameNS(binding, "operation").item(0)).getAttribute("soapAction");

        var id = UUID.randomUUID();
        var now = Instant.now().truncatedTo(ChronoUnit.MILLIS);
        var query = query(id, now, caseNumber, participant);
        SchemaFactory.newInstance(XMLConstants.W3C_XML_SCHEMA_NS_URI).newSchema(URI.create(url + "?xsd=exchange/FCC807-1.0.xsd").toURL())
            .newValidator().validate(new DOMSource(Envelope.parse(query.getBytes(StandardCharsets.UTF_8))));
        var who = Envelope.Identity.load(keyFile, certificateFile, courtFile);
        var addressing = new TreeMap<>(Map.of("To", to, "Action", action, "MessageID", "urn:uuid:" + id));
        var envelope = Envelope.signed(soap12 ? Envelope.SOAP12 : Envelope.SOAP11, addressing, now, query, who);
        var request = HttpRequest.newBuilder(URI.create(url)).timeout(Duration.ofSeconds(30)).POST(HttpRequest.BodyPublishers.ofByteArray(envelope));
        if (soap12) request.header("Content-Type", "application/soap+xml; charset=utf-8; action=\"" + action + "\"");
        else request.header("Content-Type", "text/xml; charset=utf-8").header("SOAPAction", '"' + action + '"');

        var answer = http.send(request.build(), BodyHandlers.ofByteArray()).body();
        var body = Envelope.proven(answer, who, "RelatesTo", "urn:uuid:" + id).body();
        if (!Envelope.text(body, EXT, "ErrorCodeText").isEmpty()) {
            System.out.println("Error message: " + Envelope.text(body, EXT, "ErrorCodeText") + ": " + Envelope.text(body, EXT, "ErrorReasonText"));
            return 4;
        }
        if (!Envelope.text(body, EXCHANGE, "RejectionReasonCodeText").isEmpty()) {
            System.out.println("Rejected: " + Envelope.text(body, EXCHANGE, "RejectionReasonCodeText") + ": " + Envelope.text(body, EXCHANGE, "RejectionReasonText"));
            return 3;
        }
        if (Envelope.text(body, EXCHANGE, "BalanceDueAmount").isEmpty()) throw new Envelope.Refused(Envelope.faultReason(body));
        var due = (Element) body.getElementsByTagNameNS(EXCHANGE, "BalanceDueAmount").item(0);
        System.out.println("Balance due: " + due.getTextContent() + " " + due.getAttributeNS(NIEM, "currencyCode") + " as of "
            + Envelope.text((Element) body.getElementsByTagNameNS(EXCHANGE, "BalanceAsOfDate").item(0), NIEM, "Date")
            + ", case " + Envelope.text(body, NIEM, "CaseTrackingID") + ", participant " + Envelope.text(body, NIEM, "IdentificationID"));
        return 0;
    }

    public static void main(String[] given) {
        int code;
        try {
            if (given.length == 6) {
                code = ask(given[0], given[1], given[2], given[3], given[4], given[5]);
            } else {
                System.err.println("java Query URL KEY CERTIFICATE COURT-CERTIFICATE CASE PARTICIPANT");
                code = 2;
            }
        } catch (Envelope.Refused refused) {
            System.err.println("Refused: " + refused.getMessage());
            code = 5;
        } catch (Envelope.NotProven why) {
            System.err.println("Answer not proven: " + why.getMessage());
            code = 6;
        } catch (Exception failure) {
            System.err.println("Failed: " + failure);
            code = 1;
        }
        System.exit(code);
    }
}
