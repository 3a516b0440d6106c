// Asks a court what a participant owes on a case (FCC807). What it needs, says and returns: ../README.md.
using System;
using System.Collections.Generic;
using System.Net;
using System.Xml;

static class Query {
    const string EXCHANGE = "urn:ccms-ws:exchange:FCC807:1.0", EXT = "urn:ccms-ws:extension:1.0", NIEM = "http://niem.gov/niem/niem-core/2.0";

    static string Text(string id, string caseNumber, string participant) {
        string court = Envelope.Setting("COURT", "CA099015J"), asOf = Envelope.Setting("AS_OF");
        var day = asOf == "" ? "" : "<q:BalanceAsOfDate><nc:Date>" + asOf + "</nc:Date></q:BalanceAsOfDate>";
        return $@"<q:CaseParticipantBalanceQuery xmlns:q=""{EXCHANGE}"" xmlns:ext=""{EXT}"" xmlns:nc=""{NIEM}""><ext:MessageMetadata>"
            + $"<ext:TransactionID>{id}</ext:TransactionID><ext:MessageDateTime>{Envelope.Now()}</ext:MessageDateTime>"
            + "<ext:ExchangeCode>FCC807</ext:ExchangeCode><ext:MessageKindCode>Query</ext:MessageKindCode><ext:SchemaVersionID>1.0</ext:SchemaVersionID>"
            + $"<ext:SendingParty><ext:PartyID>{Envelope.Setting("PARTNER", "ADULT-PROBATION")}</ext:PartyID></ext:SendingParty>"
            + $"<ext:ReceivingParty><ext:PartyID>{court}</ext:PartyID></ext:ReceivingParty><ext:Court><ext:CourtORIID>{court}</ext:CourtORIID>"
            + $"<ext:CountyCode>{Envelope.Setting("COUNTY", "54")}</ext:CountyCode></ext:Court>"
            + $"<ext:TestIndicator>{Envelope.Setting("TEST", "false")}</ext:TestIndicator></ext:MessageMetadata><q:QuerySubmitter>"
            + "<nc:OrganizationName>Probation</nc:OrganizationName>"
            + $"<q:SubmitterUnitCode>{Envelope.Setting("UNIT", "AdultProbation")}</q:SubmitterUnitCode></q:QuerySubmitter><q:SearchCriteria>"
            + $"<nc:CaseTrackingID>{Envelope.Escaped(caseNumber)}</nc:CaseTrackingID><ext:CaseParticipantIdentification><nc:IdentificationID>"
            + $"{Envelope.Escaped(participant)}</nc:IdentificationID></ext:CaseParticipantIdentification></q:SearchCriteria>{day}</q:CaseParticipantBalanceQuery>";
    }

    static int Ask(string url, Identity who, string caseNumber, string participant) {
        bool soap12 = Envelope.Setting("SOAP", "1.2") == "1.2";
        var wsdl = Envelope.Parse(new WebClient().DownloadData(url + "?wsdl"));
        var binding = "http://schemas.xmlsoap.org/wsdl/" + (soap12 ? "soap12/" : "soap/");
        var to = Envelope.Setting("TO", ((XmlElement)wsdl.GetElementsByTagName("address", binding)[0]).GetAttribute("location"));
        var action = ((XmlElement)wsdl.GetElementsByTagName("operation", binding)[0]).GetAttribute("soapAction");
        string soap = soap12 ? Envelope.SOAP12 : Envelope.SOAP11, id = Guid.NewGuid().ToString();
        var message = Envelope.Sign(soap, Text(id, caseNumber, participant), who, "To", to, "Action", action, "MessageID", "urn:uuid:" + id);
        byte[] answer;
        Envelope.Post(url, soap, action, message, out answer);
        Dictionary<string, string> said;
        var body = Envelope.Prove(answer, who, "RelatesTo", "urn:uuid:" + id, out said);

        var code = Envelope.Text(body, EXT, "ErrorCodeText");
        if (code != "") {
            Console.WriteLine($"Error message: {code}: {Envelope.Text(body, EXT, "ErrorReasonText")}");
            return 4;
        }
        code = Envelope.Text(body, EXCHANGE, "RejectionReasonCodeText");
        if (code != "") {
            Console.WriteLine($"Rejected: {code}: {Envelope.Text(body, EXCHANGE, "RejectionReasonText")}");
            return 3;
        }
        var due = (XmlElement)body.GetElementsByTagName("BalanceDueAmount", EXCHANGE)[0];
        if (due == null) throw new Refused(Envelope.FaultText(body));
        var day = (XmlElement)body.GetElementsByTagName("BalanceAsOfDate", EXCHANGE)[0];
        Console.WriteLine($"Balance due: {due.InnerText} {due.GetAttribute("currencyCode", NIEM)} as of {Envelope.Text(day, NIEM, "Date")}, "
            + $"case {Envelope.Text(body, NIEM, "CaseTrackingID")}, participant {Envelope.Text(body, NIEM, "IdentificationID")}");
        return 0;
    }

    static int Main(string[] given) {
        if (given.Length != 6) {
            Console.Error.WriteLine("mono query.exe URL KEY CERTIFICATE COURT-CERTIFICATE CASE PARTICIPANT");
            return 2;
        }
        try {
            return Ask(given[0], new Identity(given[1], given[2], given[3]), given[4], given[5]);
        } catch (Refused error) {
            Console.Error.WriteLine("Refused: " + error.Message);
            return 5;
        } catch (NotProven error) {
            Console.Error.WriteLine("Answer not proven: " + error.Message);
            return 6;
        } catch (Exception error) {
            Console.Error.WriteLine("Failed: " + error.Message);
            return 1;
        }
    }
}
