// Receives what a court sends (COL903 batches, DMV907 abstracts) with the JDK alone, proves it, and sends the answer to the
// court's service. What proves and signs is in Envelope.java; what the program needs, says and does is in ../README.md.
import com.sun.net.httpserver.*;
import java.io.IOException;
import java.net.*;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.*;
import java.time.temporal.ChronoUnit;
import java.util.*;
import java.util.concurrent.Executors;
import javax.xml.XMLConstants;
import javax.xml.transform.dom.DOMSource;
import javax.xml.validation.*;
import org.w3c.dom.Element;
import org.xml.sax.SAXException;

public class Receive {
    static final String COL903 = "urn:ccms-ws:exchange:COL903:1.0", DMV907 = "urn:ccms-ws:exchange:DMV907:1.0";
    static final String EXT = "urn:ccms-ws:extension:1.0", NIEM = "http://niem.gov/niem/niem-core/2.0";
    static final int LARGEST = 64 << 20;
    static final Map<String, String> ACTIONS = Map.of(
        COL903 + "#CollectionBalanceUpdateBatch", "urn:ccms-ws:partner:COL903:1.0:CollectionBalanceUpdates:CollectionBalanceUpdateBatch",
        DMV907 + "#FailureToComplyAbstract", "urn:ccms-ws:partner:DMV907:1.0:FailureToComplyAbstracts:FailureToComplyAbstract");

    record Answer(String name, UUID id, String text) { }

    final String address, courtService;
    final Envelope.Identity who;
    final Schema schema;
    final Map<String, String> received = new HashMap<>();
    final HttpClient http = HttpClient.newHttpClient();

    Receive(String address, Envelope.Identity who, String courtService) throws SAXException {
        this.address = address;
        this.who = who;
        this.courtService = courtService;
        var file = Query.setting("CCMS_SCHEMA", "");
        schema = file.isEmpty() ? null : SchemaFactory.newInstance(XMLConstants.W3C_XML_SCHEMA_NS_URI).newSchema(Path.of(file).toFile());
    }

    // The HTTP status for a message.
    int receive(String soap, byte[] octets) throws Exception {
        var message = Envelope.proven(octets, who, "To", address);
        var payloads = Envelope.elements(message.body());
        var payload = payloads.isEmpty() ? null : payloads.get(0);
        var action = payload == null ? null : ACTIONS.get(payload.getNamespaceURI() + "#" + payload.getLocalName());
        if (action == null || payloads.size() != 1 || !action.equals(message.said().get("Action")))
            throw new Envelope.NotProven("the Action is not that of the message");
        if (schema != null) schema.newValidator().validate(new DOMSource(payload));
        var id = message.said().getOrDefault("MessageID", "");
        if (!id.equalsIgnoreCase("urn:uuid:" + Envelope.text(payload, EXT, "TransactionID")))
            throw new Envelope.NotProven("the MessageID is not the TransactionID");
        var content = new String(Envelope.canonical(payload), StandardCharsets.UTF_8);
        synchronized (received) {  // a real receiver keeps ids and messages in its database, in one transaction
            var before = received.putIfAbsent(id, content);
            if (before != null) return before.equals(content) ? 202 : 500;
        }
        System.out.println("Received: " + payload.getLocalName() + " " + id);
        var answer = answerTo(payload);
        if (answer != null) new Thread(() -> send(soap, id, answer)).start();
        return 202;
    }

    // Send an answer to the court's service, again under the same id until the court has it.
    void send(String soap, String relatesTo, Answer answer) {
        var portType = answer.name.startsWith("Collection") ? "COL903-answers:1.0:CollectionBalanceAnswers" : "DMV907-answers:1.0:FailureToComplyAnswers";
        var action = "urn:ccms-ws:service:" + portType + ":" + answer.name;
        for (int wait : new int[] {0, 1, 5, 30, 120}) {
            try {
                Thread.sleep(Duration.ofSeconds(wait).toMillis());
                var addressing = new TreeMap<>(Map.of("To", courtService, "Action", action, "MessageID", "urn:uuid:" + answer.id, "RelatesTo", relatesTo));
                var envelope = Envelope.signed(soap, addressing, Instant.now().truncatedTo(ChronoUnit.MILLIS), answer.text, who);
                var request = HttpRequest.newBuilder(URI.create(courtService)).timeout(Duration.ofSeconds(30)).POST(HttpRequest.BodyPublishers.ofByteArray(envelope));
                if (soap.equals(Envelope.SOAP12)) request.header("Content-Type", "application/soap+xml; charset=utf-8; action=\"" + action + "\"");
                else request.header("Content-Type", "text/xml; charset=utf-8").header("SOAPAction", '"' + action + '"');
                int status = http.send(request.build(), BodyHandlers.ofByteArray()).statusCode();
                if (status < 300) {
                    System.out.println("Answered: " + answer.name + " " + relatesTo + " " + status);
                    return;
                }
                System.err.println("The court refuses the answer: " + status);
                if (status != 429 && status != 503) return;
            } catch (IOException failure) {
                System.err.println("The court cannot be reached: " + failure);
            } catch (Exception failure) {
                System.err.println("Failed: " + failure);
                return;
            }
        }
    }

    // The answer to a message; null if silence is the answer.
    static Answer answerTo(Element message) throws Exception {
        String wrong = Query.setting("CCMS_REFUSE", ""), name, about;
        if (message.getLocalName().equals("CollectionBalanceUpdateBatch")) {
            var count = Envelope.children(message, COL903, "CollectionBalanceUpdate").size();
            if (wrong.isEmpty() && text(message, COL903, "BatchRecordQuantity").equals(String.valueOf(count))) return null;
            name = "col903:CollectionBalanceUpdateError";
            about = "<col903:BatchID>" + text(message, COL903, "BatchID") + "</col903:BatchID><col903:BatchRefusedIndicator>true</col903:BatchRefusedIndicator>"
                + error(wrong.isEmpty() ? "ControlTotalMismatch" : wrong);
        } else {
            name = wrong.isEmpty() ? "dmv907:FailureToComplyAbstractResponse" : "dmv907:FailureToComplyAbstractError";
            about = "<dmv907:AbstractID>" + text(message, DMV907, "AbstractID") + "</dmv907:AbstractID>" + (wrong.isEmpty() ? accepted(message) : error(wrong));
        }
        var metadata = Envelope.only(message, EXT, "MessageMetadata");
        var id = UUID.randomUUID();
        return new Answer(name.substring(name.indexOf(':') + 1), id, """
            <%s xmlns:col903="%s" xmlns:dmv907="%s" xmlns:ext="%s" xmlns:nc="%s"><ext:MessageMetadata><ext:TransactionID>%s</ext:TransactionID>\
            <ext:CorrelationID>%s</ext:CorrelationID><ext:MessageDateTime>%s</ext:MessageDateTime><ext:ExchangeCode>%s</ext:ExchangeCode>\
            <ext:MessageKindCode>%s</ext:MessageKindCode><ext:SchemaVersionID>1.0</ext:SchemaVersionID>\
            <ext:SendingParty><ext:PartyID>%s</ext:PartyID></ext:SendingParty><ext:ReceivingParty><ext:PartyID>%s</ext:PartyID></ext:ReceivingParty>\
            <ext:Court><ext:CourtORIID>%s</ext:CourtORIID><ext:CountyCode>%s</ext:CountyCode></ext:Court><ext:TestIndicator>%s</ext:TestIndicator>\
            </ext:MessageMetadata>%s</%s>""".formatted(
            name, COL903, DMV907, EXT, NIEM, id, text(metadata, EXT, "TransactionID"), Instant.now().truncatedTo(ChronoUnit.SECONDS),
            text(metadata, EXT, "ExchangeCode"), name.endsWith("Response") ? "Response" : "Error",
            text(Envelope.only(metadata, EXT, "ReceivingParty"), EXT, "PartyID"), text(Envelope.only(metadata, EXT, "SendingParty"), EXT, "PartyID"),
            text(metadata, EXT, "CourtORIID"), text(metadata, EXT, "CountyCode"), text(metadata, EXT, "TestIndicator"), about, name));
    }

    static String accepted(Element message) throws Exception {
        var license = (Element) message.getElementsByTagNameNS(EXT, "DriverLicense").item(0);
        return new String(Envelope.canonical(license), StandardCharsets.UTF_8) + "<nc:CaseTrackingID>" + text(message, NIEM, "CaseTrackingID")
            + "</nc:CaseTrackingID><dmv907:MessageCodeText>ACCEPTED</dmv907:MessageCodeText>";
    }

    static String error(String code) {
        return "<ext:MessageError><ext:ErrorCodeText>" + Envelope.escaped(code) + "</ext:ErrorCodeText>"
            + "<ext:ErrorReasonText>The message cannot be processed.</ext:ErrorReasonText></ext:MessageError>";
    }

    static String text(Element in, String namespace, String name) { return Envelope.escaped(Envelope.text(in, namespace, name)); }

    // What a sender hears who is not proven to be the court: nothing about the reason.
    static byte[] fault(String soap) {
        var sentence = "The message is not accepted.";
        var code = soap.equals(Envelope.SOAP11) ? "<faultcode>s:Client</faultcode><faultstring>" + sentence + "</faultstring>"
            : "<s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text xml:lang=\"en\">" + sentence + "</s:Text></s:Reason>";
        return ("<s:Envelope xmlns:s=\"" + soap + "\"><s:Body><s:Fault>" + code + "</s:Fault></s:Body></s:Envelope>").getBytes(StandardCharsets.UTF_8);
    }

    void serve(HttpExchange exchange) throws IOException {
        var headers = exchange.getRequestHeaders();
        var media = Objects.requireNonNullElse(headers.getFirst("Content-Type"), "").split(";")[0].strip().toLowerCase(Locale.ROOT);
        var soap = media.equals("text/xml") ? Envelope.SOAP11 : media.equals("application/soap+xml") ? Envelope.SOAP12 : "";
        int status;
        byte[] answer = {};
        if (!exchange.getRequestMethod().equals("POST")) status = 405;
        else if (soap.isEmpty() || headers.containsKey("Content-Encoding")) status = 415;
        else {
            var message = exchange.getRequestBody().readNBytes(LARGEST);
            try {
                status = receive(soap, message);
            } catch (Exception error) {
                System.err.println("Refused: " + error.getMessage());
                status = soap.equals(Envelope.SOAP11) ? 500 : 400;
            }
            if (status != 202) answer = fault(soap);
        }
        exchange.getResponseHeaders().set("Content-Type", (soap.equals(Envelope.SOAP12) ? "application/soap+xml" : "text/xml") + "; charset=utf-8");
        exchange.sendResponseHeaders(status, answer.length == 0 ? -1 : answer.length);
        try (exchange; var out = exchange.getResponseBody()) {
            out.write(answer);
        }
    }

    public static void main(String[] given) throws Exception {
        if (given.length != 5) {
            System.err.println("java Receive ADDRESS KEY CERTIFICATE COURT-CERTIFICATE COURT-SERVICE");
            System.exit(2);
        }
        var receiver = new Receive(Query.setting("CCMS_TO", given[0]), Envelope.Identity.load(given[1], given[2], given[3]), given[4]);
        var at = URI.create(given[0]);
        var server = HttpServer.create(new InetSocketAddress(at.getHost(), at.getPort()), 0);
        server.createContext("/", receiver::serve);
        server.setExecutor(Executors.newFixedThreadPool(4));
        server.start();
        System.out.println("Listening at " + given[0]);
    }
}
