// A SOAP envelope with a WS-Security signature, with System.Security.Cryptography.Xml: how a message is signed and one is
// proven. Digests and values are computed here, from canonical forms: SignedXml finds no wsu:Id, and would resolve
// references that it should not.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Security.Cryptography.Xml;
using System.Text;
using System.Xml;

class Refused : Exception { public Refused(string why) : base(why) { } }      // a fault of the other side, signed or not
class NotProven : Exception { public NotProven(string why) : base(why) { } }  // perhaps not the court's message

// Our key and certificate, and the court's key, from PEM files.
class Identity {
    public readonly RSACryptoServiceProvider Key = new RSACryptoServiceProvider();
    public readonly string Token;
    public readonly RSA Court;

    public Identity(string key, string certificate, string court) {
        Key.ImportParameters(Pkcs8.Read(Pem(key)));
        Token = Convert.ToBase64String(Pem(certificate));
        Court = (RSA)new X509Certificate2(Pem(court)).PublicKey.Key;
    }

    static byte[] Pem(string file) {
        return Convert.FromBase64String(string.Concat(File.ReadAllLines(file).Where(line => !line.StartsWith("-"))));
    }
}

// An RSA key in PKCS#8. Mono cannot read one; on .NET from 5 on it is RSA.ImportFromPem.
static class Pkcs8 {
    public static RSAParameters Read(byte[] der) {
        var info = new Reader(der).Inside(0x30);
        info.Skip(0x02);
        info.Skip(0x30);
        var key = new Reader(info.Value(0x04)).Inside(0x30);
        key.Skip(0x02);
        byte[] n = key.Number(0), e = key.Number(0), d = key.Number(n.Length);
        int half = (n.Length + 1) / 2;
        return new RSAParameters { Modulus = n, Exponent = e, D = d, P = key.Number(half), Q = key.Number(half),
            DP = key.Number(half), DQ = key.Number(half), InverseQ = key.Number(half) };
    }

    class Reader {
        readonly byte[] der;
        int at;
        public Reader(byte[] der) { this.der = der; }
        public Reader Inside(int tag) { return new Reader(Value(tag)); }
        public void Skip(int tag) { Value(tag); }
        public byte[] Value(int tag) {
            if (der[at++] != tag) throw new FormatException("the key is no RSA key in PKCS#8");
            int length = der[at++];
            if (length > 0x80) {
                int bytes = length - 0x80;
                for (length = 0; bytes > 0; bytes--) length = (length << 8) | der[at++];
            }
            at += length;
            return der.Skip(at - length).Take(length).ToArray();
        }
        public byte[] Number(int length) {
            var bytes = Value(0x02).SkipWhile(each => each == 0).ToArray();
            return new byte[Math.Max(0, length - bytes.Length)].Concat(bytes).ToArray();
        }
    }
}

static class Envelope {
    public const string SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/", SOAP12 = "http://www.w3.org/2003/05/soap-envelope";
    public const string WSA = "http://www.w3.org/2005/08/addressing", OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-";
    public const string WSSE = OASIS + "wssecurity-secext-1.0.xsd", WSU = OASIS + "wssecurity-utility-1.0.xsd";
    public const string BASE64 = OASIS + "soap-message-security-1.0#Base64Binary", X509V3 = OASIS + "x509-token-profile-1.0#X509v3";
    public const string DS = "http://www.w3.org/2000/09/xmldsig#", C14N = "http://www.w3.org/2001/10/xml-exc-c14n#";
    public const string RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", SHA_256 = "http://www.w3.org/2001/04/xmlenc#sha256";
    static readonly TimeSpan Skew = TimeSpan.FromMinutes(1);

    public static string Setting(string name, string otherwise = "") {
        var value = Environment.GetEnvironmentVariable("CCMS_" + name);
        return string.IsNullOrEmpty(value) ? otherwise : value;
    }

    public static string Escaped(string text) { return text.Replace("&", "&amp;").Replace("<", "&lt;"); }

    public static string Now() { return DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ"); }

    // Keeps whitespace, since it is signed; no document type, no processing instruction, nothing from elsewhere.
    public static XmlDocument Parse(byte[] xml) {
        var document = new XmlDocument { PreserveWhitespace = true, XmlResolver = null };
        try {
            var settings = new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null };
            using (var reader = XmlReader.Create(new MemoryStream(xml), settings)) document.Load(reader);
        } catch (XmlException error) {
            throw new NotProven("it is no plain XML: " + error.Message);
        }
        if (document.SelectNodes("//processing-instruction()").Count > 0) throw new NotProven("it has a processing instruction");
        return document;
    }

    // The exclusive canonical form of an element where it stands. XmlDsigExcC14NTransform takes documents only: the element goes
    // into one of its own, with the namespaces that are declared around it.
    public static byte[] Canonical(XmlElement element) {
        var alone = new XmlDocument { PreserveWhitespace = true, XmlResolver = null };
        var copy = (XmlElement)alone.ImportNode(element, true);
        alone.AppendChild(copy);
        for (XmlNode around = element.ParentNode; around is XmlElement; around = around.ParentNode)
            foreach (XmlAttribute each in around.Attributes)
                if (each.NamespaceURI == "http://www.w3.org/2000/xmlns/" && !copy.HasAttribute(each.Name)) copy.SetAttribute(each.Name, each.Value);
        var transform = new XmlDsigExcC14NTransform(false);
        transform.LoadInput(alone);
        using (var octets = (Stream)transform.GetOutput(typeof(Stream)))
        using (var buffer = new MemoryStream()) {
            octets.CopyTo(buffer);
            return buffer.ToArray();
        }
    }

    public static string Digest(XmlElement element) {
        using (var hash = SHA256.Create()) return Convert.ToBase64String(hash.ComputeHash(Canonical(element)));
    }

    // The elements with an id; an id that is there twice could mean either.
    static Dictionary<string, XmlElement> ById(XmlDocument document) {
        var found = new Dictionary<string, XmlElement>();
        foreach (XmlAttribute each in document.SelectNodes("//@*")) {
            if (each.LocalName.ToLowerInvariant() != "id") continue;
            if (found.ContainsKey(each.Value)) throw new NotProven("an id is there twice");
            found[each.Value] = each.OwnerElement;
        }
        return found;
    }

    // `addressing`: name and text of each header, in turn.
    public static byte[] Sign(string soap, string payload, Identity who, params string[] addressing) {
        var created = DateTime.UtcNow;
        var blocks = new StringBuilder();
        for (int i = 0; i < addressing.Length; i += 2)
            blocks.Append("<wsa:" + addressing[i] + " wsu:Id=\"" + addressing[i] + "\">" + Escaped(addressing[i + 1]) + "</wsa:" + addressing[i] + ">");
        const string moment = "yyyy-MM-ddTHH:mm:ss.fffZ";
        var document = Parse(Encoding.UTF8.GetBytes($@"<s:Envelope xmlns:s=""{soap}"" xmlns:wsa=""{WSA}"" xmlns:wsse=""{WSSE}"" xmlns:wsu=""{WSU}""><s:Header>{blocks}<wsse:Security s:mustUnderstand=""1""><wsu:Timestamp wsu:Id=""Timestamp""><wsu:Created>{created.ToString(moment)}</wsu:Created><wsu:Expires>{created.AddMinutes(5).ToString(moment)}</wsu:Expires></wsu:Timestamp><wsse:BinarySecurityToken EncodingType=""{BASE64}"" ValueType=""{X509V3}"" wsu:Id=""Token"">{who.Token}</wsse:BinarySecurityToken></wsse:Security></s:Header><s:Body wsu:Id=""Body"">{payload}</s:Body></s:Envelope>"));
        var info = new StringBuilder($@"<ds:SignedInfo xmlns:ds=""{DS}""><ds:CanonicalizationMethod Algorithm=""{C14N}""></ds:CanonicalizationMethod><ds:SignatureMethod Algorithm=""{RSA_SHA256}""></ds:SignatureMethod>");
        foreach (var part in ById(document))
            info.Append($@"<ds:Reference URI=""#{part.Key}""><ds:Transforms><ds:Transform Algorithm=""{C14N}""></ds:Transform></ds:Transforms><ds:DigestMethod Algorithm=""{SHA_256}""></ds:DigestMethod><ds:DigestValue>{Digest(part.Value)}</ds:DigestValue></ds:Reference>");
        info.Append("</ds:SignedInfo>");
        var value = Convert.ToBase64String(who.Key.SignData(Encoding.UTF8.GetBytes(info.ToString()), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
        var signature = $@"<ds:Signature xmlns:ds=""{DS}"">{info}<ds:SignatureValue>{value}</ds:SignatureValue><ds:KeyInfo><wsse:SecurityTokenReference xmlns:wsse=""{WSSE}""><wsse:Reference URI=""#Token"" ValueType=""{X509V3}""></wsse:Reference></wsse:SecurityTokenReference></ds:KeyInfo></ds:Signature>";
        var text = document.OuterXml.Replace("</wsse:Security>", signature + "</wsse:Security>");
        return Encoding.UTF8.GetBytes(text);
    }

    // The Body, if the court signed it and every addressing header. `expected`: what a header must say, and its name.
    public static XmlElement Prove(byte[] message, Identity who, string name, string expected, out Dictionary<string, string> said) {
        var document = Parse(message);
        var envelope = document.DocumentElement;
        var soap = envelope.NamespaceURI;
        if (envelope.LocalName != "Envelope" || (soap != SOAP11 && soap != SOAP12)) throw new NotProven("it is no Envelope");
        var body = Only(envelope, soap, "Body");
        var header = Named(envelope, soap, "Header").FirstOrDefault();
        if ((header == null || !Named(header, WSSE, "Security").Any()) && Named(body, soap, "Fault").Any())
            throw new Refused(FaultText(body) + " (nobody signed this)");
        if (header == null || !Elements(envelope).SequenceEqual(new[] { header, body })) throw new NotProven("it is no Envelope of Header and Body");
        var security = Only(header, WSSE, "Security");
        var signature = Only(security, DS, "Signature");
        var timestamp = Only(security, WSU, "Timestamp");
        var signed = Verified(signature, ById(document), who);

        // What was signed is what will be read: these very elements, where they stand.
        var blocks = Elements(header).Where(each => each.NamespaceURI == WSA).ToList();
        foreach (var part in new[] { body, timestamp }.Concat(blocks))
            if (!signed.Contains(part)) throw new NotProven(part.LocalName + " is not signed");
        if (blocks.Select(each => each.LocalName).Distinct().Count() != blocks.Count) throw new NotProven("an addressing header is there twice");
        said = blocks.ToDictionary(each => each.LocalName, each => each.InnerText.Trim());
        string value;
        if (!said.TryGetValue(name, out value) || value != expected) throw new NotProven(name + " is not " + expected);
        foreach (var block in Elements(header).Except(blocks))
            if (block != security && new[] { "1", "true" }.Contains(block.GetAttribute("mustUnderstand", soap))) throw new NotProven(block.LocalName + " must be understood");
        var now = DateTime.UtcNow;
        if (Moment(timestamp, "Created") - Skew > now || Moment(timestamp, "Expires") + Skew < now) throw new NotProven("it has expired, or the clocks differ");
        return body;
    }

    static DateTime Moment(XmlElement timestamp, string name) {
        var text = Only(timestamp, WSU, name).InnerText.Trim();
        DateTime at;
        const System.Globalization.DateTimeStyles utc = System.Globalization.DateTimeStyles.AdjustToUniversal | System.Globalization.DateTimeStyles.AssumeUniversal;
        if (!text.EndsWith("Z") || !DateTime.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, utc, out at)) throw new NotProven(name + " is no time");
        return at;
    }

    // The elements that the court's key has signed, by the algorithms that we know. The key is the one that we were given.
    static HashSet<XmlElement> Verified(XmlElement signature, Dictionary<string, XmlElement> ids, Identity who) {
        var info = Only(signature, DS, "SignedInfo");
        var parts = Elements(info).ToList();
        if (parts.Count < 3 || !IsPlain(parts[0], C14N) || !IsPlain(parts[1], RSA_SHA256)) throw new NotProven("another algorithm");
        var value = Bytes(Only(signature, DS, "SignatureValue").InnerText);
        if (!who.Court.VerifyData(Canonical(info), value, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))
            throw new NotProven("it is not signed with the court's key, or was changed");
        var signed = new HashSet<XmlElement>();
        foreach (var reference in parts.Skip(2)) {
            var steps = Elements(Only(reference, DS, "Transforms")).ToList();
            if (steps.Count != 1 || !IsPlain(steps[0], C14N) || !IsPlain(Only(reference, DS, "DigestMethod"), SHA_256)) throw new NotProven("another transform or digest");
            XmlElement target;
            var found = ids.TryGetValue(reference.GetAttribute("URI").TrimStart('#'), out target);
            if (!found || Digest(target) != Only(reference, DS, "DigestValue").InnerText.Trim()) throw new NotProven("a signed part was changed");
            signed.Add(target);
        }
        return signed;
    }

    static bool IsPlain(XmlElement method, string algorithm) { return method.GetAttribute("Algorithm") == algorithm && !Elements(method).Any(); }

    static byte[] Bytes(string text) {
        try { return Convert.FromBase64String(text.Trim()); } catch (FormatException) { throw new NotProven("it is not base64"); }
    }

    public static IEnumerable<XmlElement> Elements(XmlElement parent) { return parent.ChildNodes.OfType<XmlElement>(); }

    public static IEnumerable<XmlElement> Named(XmlElement parent, string space, string name) {
        return Elements(parent).Where(each => each.LocalName == name && each.NamespaceURI == space);
    }

    public static XmlElement Only(XmlElement parent, string space, string name) {
        var found = Named(parent, space, name).ToList();
        if (found.Count != 1) throw new NotProven("there are " + found.Count + " of " + name);
        return found[0];
    }

    public static string Text(XmlElement within, string space, string name) {
        var found = within.GetElementsByTagName(name, space);
        return found.Count == 0 ? "" : found[0].InnerText.Trim();
    }

    public static string FaultText(XmlElement body) { return Text(body, "", "faultstring") + Text(body, SOAP12, "Text"); }

    // Status and content of the answer to a signed message.
    public static int Post(string url, string soap, string action, byte[] message, out byte[] answer) {
        var request = (HttpWebRequest)WebRequest.Create(url);
        request.Method = "POST";
        request.Timeout = 30000;
        request.ServicePoint.Expect100Continue = false;
        request.ContentType = soap == SOAP12 ? "application/soap+xml; charset=utf-8; action=\"" + action + "\"" : "text/xml; charset=utf-8";
        if (soap == SOAP11) request.Headers["SOAPAction"] = '"' + action + '"';
        using (var stream = request.GetRequestStream()) stream.Write(message, 0, message.Length);
        HttpWebResponse response;
        try {
            response = (HttpWebResponse)request.GetResponse();
        } catch (WebException error) when (error.Response != null) {  // a fault
            response = (HttpWebResponse)error.Response;
        }
        using (response)
        using (var buffer = new MemoryStream()) {
            response.GetResponseStream().CopyTo(buffer);
            answer = buffer.ToArray();
            return (int)response.StatusCode;
        }
    }
}
