// Receives what a court sends (COL903 batches, DMV907 abstracts), proves it, and sends the answer to the court's service.
// What it needs, says and does: ../README.md.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Text;
using System.Threading;
using System.Xml;
using System.Xml.Schema;

class Receiver {
    const string COL903 = "urn:ccms-ws:exchange:COL903:1.0", DMV907 = "urn:ccms-ws:exchange:DMV907:1.0";
    const string EXT = "urn:ccms-ws:extension:1.0", NIEM = "http://niem.gov/niem/niem-core/2.0";
    const string DECLARED = "xmlns:col903=\"" + COL903 + "\" xmlns:dmv907=\"" + DMV907 + "\" xmlns:ext=\"" + EXT + "\" xmlns:nc=\"" + NIEM + "\"";
    const int LARGEST = 64 << 20;
    static readonly Dictionary<string, string> Actions = new Dictionary<string, string> {
        { COL903 + "#CollectionBalanceUpdateBatch", "urn:ccms-ws:partner:COL903:1.0:CollectionBalanceUpdates:CollectionBalanceUpdateBatch" },
        { DMV907 + "#FailureToComplyAbstract", "urn:ccms-ws:partner:DMV907:1.0:FailureToComplyAbstracts:FailureToComplyAbstract" },
    };

    readonly string address, courtService;
    readonly Identity who;
    readonly XmlSchemaSet schema = new XmlSchemaSet();
    readonly Dictionary<string, byte[]> received = new Dictionary<string, byte[]>();

    Receiver(string address, Identity who, string courtService) {
        this.address = address;
        this.who = who;
        this.courtService = courtService;
        var file = Envelope.Setting("SCHEMA");
        if (file == "") return;
        schema.XmlResolver = new XmlUrlResolver();
        schema.Add(null, file);
        schema.Compile();
    }

    // The HTTP status for a message.
    int Receive(string soap, byte[] message) {
        Dictionary<string, string> said;
        var body = Envelope.Prove(message, who, "To", address, out said);
        var payload = Envelope.Elements(body).FirstOrDefault();
        string action, id;
        if (payload == null || !Actions.TryGetValue(payload.NamespaceURI + "#" + payload.LocalName, out action) || !said.ContainsKey("Action") || said["Action"] != action
            || Envelope.Elements(body).Count() != 1) throw new NotProven("the Action is not that of the message");
        var content = Envelope.Canonical(payload);
        if (schema.Count > 0) Validate(content);
        if (!said.TryGetValue("MessageID", out id) || id.ToLowerInvariant() != "urn:uuid:" + Envelope.Text(payload, EXT, "TransactionID"))
            throw new NotProven("the MessageID is not the TransactionID");
        lock (received) {  // a real receiver keeps ids and messages in its database, in one transaction
            byte[] before;
            if (received.TryGetValue(id, out before)) return before.SequenceEqual(content) ? 202 : 500;
            received[id] = content;
        }
        Console.WriteLine("Received: " + payload.LocalName + " " + id);
        string name, answer, answerId = Guid.NewGuid().ToString();
        if (AnswerTo(payload, answerId, out name, out answer)) new Thread(() => Send(soap, id, name, answerId, answer)).Start();
        return 202;
    }

    void Validate(byte[] content) {
        var document = Envelope.Parse(content);
        document.Schemas = schema;
        document.Validate((_, found) => { throw new NotProven("it is not valid against the schema"); });
    }

    // Send an answer to the court's service, again under the same id until the court has it.
    void Send(string soap, string relatesTo, string name, string id, string payload) {
        var portType = name.StartsWith("Collection") ? "COL903-answers:1.0:CollectionBalanceAnswers" : "DMV907-answers:1.0:FailureToComplyAnswers";
        var action = "urn:ccms-ws:service:" + portType + ":" + name;
        foreach (int wait in new[] { 0, 1, 5, 30, 120 }) {
            Thread.Sleep(wait * 1000);
            try {
                byte[] answer;
                var message = Envelope.Sign(soap, payload, who, "To", courtService, "Action", action, "MessageID", "urn:uuid:" + id, "RelatesTo", relatesTo);
                int status = Envelope.Post(courtService, soap, action, message, out answer);
                if (status < 300) {
                    Console.WriteLine("Answered: " + name + " " + relatesTo + " " + status);
                    return;
                }
                Console.Error.WriteLine("The court refuses the answer: " + status);
                if (status != 429 && status != 503) return;
            } catch (WebException error) {
                Console.Error.WriteLine("The court cannot be reached: " + error.Message);
            }
        }
    }

    // Name and text of the answer to a message; false if silence is the answer.
    static bool AnswerTo(XmlElement message, string id, out string name, out string answer) {
        var wrong = Envelope.Setting("REFUSE");
        string about;
        if (message.LocalName == "CollectionBalanceUpdateBatch") {
            int count = Envelope.Named(message, COL903, "CollectionBalanceUpdate").Count();
            name = "CollectionBalanceUpdateError";
            answer = "";
            if (wrong == "" && Text(message, COL903, "BatchRecordQuantity") == count.ToString()) return false;
            about = "<col903:BatchID>" + Text(message, COL903, "BatchID") + "</col903:BatchID><col903:BatchRefusedIndicator>true</col903:BatchRefusedIndicator>"
                + Error(wrong == "" ? "ControlTotalMismatch" : wrong);
        } else {
            name = wrong == "" ? "FailureToComplyAbstractResponse" : "FailureToComplyAbstractError";
            about = "<dmv907:AbstractID>" + Text(message, DMV907, "AbstractID") + "</dmv907:AbstractID>";
            if (wrong != "") about += Error(wrong);
            else about += Encoding.UTF8.GetString(Envelope.Canonical((XmlElement)message.GetElementsByTagName("DriverLicense", EXT)[0]))
                + "<nc:CaseTrackingID>" + Text(message, NIEM, "CaseTrackingID") + "</nc:CaseTrackingID><dmv907:MessageCodeText>ACCEPTED</dmv907:MessageCodeText>";
        }
        var metadata = Envelope.Only(message, EXT, "MessageMetadata");
        string root = (name.StartsWith("Collection") ? "col903:" : "dmv907:") + name;
        answer = $"<{root} {DECLARED}><ext:MessageMetadata><ext:TransactionID>{id}</ext:TransactionID>"
            + $"<ext:CorrelationID>{Text(metadata, EXT, "TransactionID")}</ext:CorrelationID><ext:MessageDateTime>{Envelope.Now()}</ext:MessageDateTime>"
            + $"<ext:ExchangeCode>{Text(metadata, EXT, "ExchangeCode")}</ext:ExchangeCode><ext:MessageKindCode>{(name.EndsWith("Response") ? "Response" : "Error")}</ext:MessageKindCode>"
            + "<ext:SchemaVersionID>1.0</ext:SchemaVersionID>"
            + $"<ext:SendingParty><ext:PartyID>{Text(Envelope.Only(metadata, EXT, "ReceivingParty"), EXT, "PartyID")}</ext:PartyID></ext:SendingParty>"
            + $"<ext:ReceivingParty><ext:PartyID>{Text(Envelope.Only(metadata, EXT, "SendingParty"), EXT, "PartyID")}</ext:PartyID></ext:ReceivingParty>"
            + $"<ext:Court><ext:CourtORIID>{Text(metadata, EXT, "CourtORIID")}</ext:CourtORIID><ext:CountyCode>{Text(metadata, EXT, "CountyCode")}</ext:CountyCode></ext:Court>"
            + $"<ext:TestIndicator>{Text(metadata, EXT, "TestIndicator")}</ext:TestIndicator></ext:MessageMetadata>{about}</{root}>";
        return true;
    }

    static string Text(XmlElement within, string space, string name) { return Envelope.Escaped(Envelope.Text(within, space, name)); }

    static string Error(string code) {
        return "<ext:MessageError><ext:ErrorCodeText>" + Envelope.Escaped(code) + "</ext:ErrorCodeText>"
            + "<ext:ErrorReasonText>The message cannot be processed.</ext:ErrorReasonText></ext:MessageError>";
    }

    // What a sender hears who is not proven to be the court: nothing about the reason.
    static byte[] Fault(string soap) {
        const string sentence = "The message is not accepted.";
        var code = soap == Envelope.SOAP11 ? "<faultcode>s:Client</faultcode><faultstring>" + sentence + "</faultstring>"
            : "<s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text xml:lang=\"en\">" + sentence + "</s:Text></s:Reason>";
        return Encoding.UTF8.GetBytes("<s:Envelope xmlns:s=\"" + soap + "\"><s:Body><s:Fault>" + code + "</s:Fault></s:Body></s:Envelope>");
    }

    void Serve(HttpListenerContext context) {
        var request = context.Request;
        var media = (request.ContentType ?? "").Split(';')[0].Trim().ToLowerInvariant();
        var soap = media == "text/xml" ? Envelope.SOAP11 : media == "application/soap+xml" ? Envelope.SOAP12 : "";
        int status;
        var answer = new byte[0];
        if (request.HttpMethod != "POST") status = 405;
        else if (soap == "" || request.Headers["Content-Encoding"] != null) status = 415;
        else if (request.ContentLength64 <= 0 || request.ContentLength64 > LARGEST) status = 411;
        else {
            try {
                var buffer = new MemoryStream();
                request.InputStream.CopyTo(buffer);
                status = Receive(soap, buffer.ToArray());
            } catch (Exception error) {
                Console.Error.WriteLine("Refused: " + error.Message);
                status = soap == Envelope.SOAP11 ? 500 : 400;
            }
            if (status != 202) answer = Fault(soap);
        }
        context.Response.StatusCode = status;
        context.Response.ContentType = (soap == Envelope.SOAP12 ? "application/soap+xml" : "text/xml") + "; charset=utf-8";
        context.Response.Close(answer, true);
    }

    static int Main(string[] given) {
        if (given.Length != 5) {
            Console.Error.WriteLine("mono receive.exe ADDRESS KEY CERTIFICATE COURT-CERTIFICATE COURT-SERVICE");
            return 2;
        }
        var receiver = new Receiver(Envelope.Setting("TO", given[0]), new Identity(given[1], given[2], given[3]), given[4]);
        var listener = new HttpListener();
        listener.Prefixes.Add(given[0].TrimEnd('/') + "/");
        listener.Start();
        Console.WriteLine("Listening at " + given[0]);
        while (true) {
            var context = listener.GetContext();
            ThreadPool.QueueUserWorkItem(_ => {
                try {
                    receiver.Serve(context);
                } catch (Exception error) {
                    Console.Error.WriteLine("A connection broke: " + error.Message);
                }
            });
        }
    }
}
