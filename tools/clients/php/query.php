<?php
// Asks a court what a participant owes on a case (FCC807): PHP's own SoapClient makes the call from the published WSDL,
// DOM and OpenSSL sign it and prove the answer. What it needs, says and returns: ../README.md.

const DS = 'http://www.w3.org/2000/09/xmldsig#';
const OASIS = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-';
const WSA = 'http://www.w3.org/2005/08/addressing';
const WSSE = OASIS . 'wssecurity-secext-1.0.xsd';
const WSU = OASIS . 'wssecurity-utility-1.0.xsd';
const X509 = OASIS . 'x509-token-profile-1.0#X509v3';
const C14N = 'http://www.w3.org/2001/10/xml-exc-c14n#';
const SHA256 = 'http://www.w3.org/2001/04/xmlenc#sha256';
const RSA_SHA256 = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256';

class Refused extends Exception {}    // a fault of the endpoint, signed or not: it did not get as far as the query
class NotProven extends Exception {}  // whoever wrote this answer, it cannot be shown that it was the court

class SignedClient extends SoapClient {
    public string $messageId, $to, $key, $certificate, $court;

    // SoapClient hands over the envelope that it wrote, and takes the answer that is returned here.
    public function __doRequest($request, $location, $action, $version, $oneWay = false): ?string {
        $answer = parent::__doRequest($this->signed($request, $action), $location, $action, $version, $oneWay);
        if (!$answer) throw $this->__soap_fault ?? new Exception('there is no answer');
        $this->prove($answer);
        return $answer;
    }

    private function signed(string $request, string $action): string {
        $document = new DOMDocument();
        $document->loadXML($request);
        $envelope = $document->documentElement;
        $soap = $envelope->namespaceURI;
        $body = $document->getElementsByTagNameNS($soap, 'Body')->item(0);
        $header = $envelope->insertBefore($document->createElementNS($soap, "$envelope->prefix:Header"), $body);
        $parts = [$body];
        foreach (['To' => $this->to, 'Action' => $action, 'MessageID' => $this->messageId] as $name => $text)
            $parts[] = add($header, WSA, "wsa:$name", [], $text);

        $security = add($header, WSSE, 'wsse:Security');
        $security->setAttributeNS($soap, "$envelope->prefix:mustUnderstand", '1');
        $parts[] = $timestamp = add($security, WSU, 'wsu:Timestamp');
        add($timestamp, WSU, 'wsu:Created', [], gmdate('Y-m-d\TH:i:s\Z'));
        add($timestamp, WSU, 'wsu:Expires', [], gmdate('Y-m-d\TH:i:s\Z', time() + 300));
        $base64 = preg_replace('/-----[^-]+-----|\s/', '', $this->certificate);
        $kind = ['EncodingType' => OASIS . 'soap-message-security-1.0#Base64Binary', 'ValueType' => X509];
        $parts[] = add($security, WSSE, 'wsse:BinarySecurityToken', $kind, $base64);
        foreach ($parts as $number => $part) $part->setAttributeNS(WSU, 'wsu:Id', "part-$number");

        $signature = add($security, DS, 'ds:Signature');
        $info = add($signature, DS, 'ds:SignedInfo');
        add($info, DS, 'ds:CanonicalizationMethod', ['Algorithm' => C14N]);
        add($info, DS, 'ds:SignatureMethod', ['Algorithm' => RSA_SHA256]);
        foreach ($parts as $number => $part) {
            $reference = add($info, DS, 'ds:Reference', ['URI' => "#part-$number"]);
            add(add($reference, DS, 'ds:Transforms'), DS, 'ds:Transform', ['Algorithm' => C14N]);
            add($reference, DS, 'ds:DigestMethod', ['Algorithm' => SHA256]);
            add($reference, DS, 'ds:DigestValue', [], digest($part));
        }
        if (!openssl_sign($info->C14N(true), $value, $this->key, OPENSSL_ALGO_SHA256)) throw new Exception('the key does not sign');
        add($signature, DS, 'ds:SignatureValue', [], base64_encode($value));
        $token = add(add($signature, DS, 'ds:KeyInfo'), WSSE, 'wsse:SecurityTokenReference');
        add($token, WSSE, 'wsse:Reference', ['URI' => '#part-' . array_key_last($parts), 'ValueType' => X509]);
        return $document->saveXML();
    }

    // The answer is the court's, and the answer to this query; or an exception.
    private function prove(string $answer): void {
        $document = new DOMDocument();
        if (!@$document->loadXML($answer, LIBXML_NONET) || $document->doctype) throw new NotProven('it is no plain XML');
        $path = new DOMXPath($document);
        foreach (['s' => $document->documentElement->namespaceURI, 'ds' => DS, 'wsa' => WSA, 'wsse' => WSSE, 'wsu' => WSU] as $prefix => $uri)
            $path->registerNamespace($prefix, $uri);
        $find = function (string $where, ?DOMNode $in = null) use ($path): DOMElement {
            $found = $path->query($where, $in);
            return $found->length === 1 ? $found->item(0) : throw new NotProven("there are {$found->length} of $where");
        };
        if ($path->query('/s:Envelope/s:Header/wsse:Security')->length === 0 && $path->query('/s:Envelope/s:Body/s:Fault')->length === 1)
            throw new Refused(trim($path->evaluate('string(//faultstring | //s:Reason/s:Text)')) . ' (nobody signed this)');

        // The signature value first: from then on, SignedInfo is what the court wrote.
        $signature = $find('/s:Envelope/s:Header/wsse:Security/ds:Signature');
        $info = $find('ds:SignedInfo', $signature);
        foreach (['ds:CanonicalizationMethod' => C14N, 'ds:SignatureMethod' => RSA_SHA256] as $name => $algorithm)
            if ($find($name, $info)->getAttribute('Algorithm') !== $algorithm) throw new NotProven("the algorithm of $name");
        $value = base64_decode($find('ds:SignatureValue', $signature)->textContent);
        if (openssl_verify($info->C14N(true), $value, $this->court, OPENSSL_ALGO_SHA256) !== 1)
            throw new NotProven("it is not signed with the court's key");

        // Each reference names one element, and its digest is right.
        $signed = [];
        foreach ($path->query('ds:Reference', $info) as $reference) {
            $id = substr($reference->getAttribute('URI'), 1);
            if (!preg_match('/^[\w.-]+$/', $id)) throw new NotProven('a reference to something else');
            $part = $find("//*[@wsu:Id='$id' or @Id='$id' or @ID='$id' or @id='$id']");
            if ($find('ds:Transforms/ds:Transform', $reference)->getAttribute('Algorithm') !== C14N
                || $find('ds:DigestMethod', $reference)->getAttribute('Algorithm') !== SHA256
                || $find('ds:DigestValue', $reference)->textContent !== digest($part)) throw new NotProven("$part->nodeName was changed");
            $signed[] = $part;
        }

        // What was signed is what will be read: these very elements, where they stand.
        $relates = $find('/s:Envelope/s:Header/wsa:RelatesTo');
        $timestamp = $find('/s:Envelope/s:Header/wsse:Security/wsu:Timestamp');
        foreach ([$find('/s:Envelope/s:Body'), $timestamp, $relates] as $part)
            if (!in_array($part, $signed, true)) throw new NotProven("$part->nodeName is not signed");
        if (trim($relates->textContent) !== $this->messageId) throw new NotProven('it answers another message');
        if (strtotime($find('wsu:Expires', $timestamp)->textContent) < time() - 60) throw new NotProven('it has expired');
    }
}

function add(DOMElement $parent, string $namespace, string $name, array $attributes = [], string $text = ''): DOMElement {
    $child = $parent->appendChild($parent->ownerDocument->createElementNS($namespace, $name));
    foreach ($attributes as $attribute => $value) $child->setAttribute($attribute, $value);
    if ($text !== '') $child->appendChild($parent->ownerDocument->createTextNode($text));
    return $child;
}

function digest(DOMElement $part): string { return base64_encode(hash('sha256', $part->C14N(true), true)); }

function uuid(): string {
    $hex = bin2hex(random_bytes(16));
    return preg_replace('/(.{8})(.{4}).(.{3}).(.{3})(.{12})/', '$1-$2-4$3-8$4-$5', $hex);
}

function setting(string $name, string $default): string { return getenv($name) ?: $default; }

function main(array $argv): int {
    if (count($argv) !== 7) {
        fwrite(STDERR, "php query.php URL KEY CERTIFICATE COURT-CERTIFICATE CASE PARTICIPANT\n");
        return 2;
    }
    [, $url, $key, $certificate, $court, $case, $participant] = $argv;
    $version = setting('CCMS_SOAP', '1.2') === '1.1' ? SOAP_1_1 : SOAP_1_2;
    $client = new SignedClient("$url?wsdl", ['location' => $url, 'soap_version' => $version, 'cache_wsdl' => WSDL_CACHE_NONE]);
    $id = uuid();
    $client->messageId = "urn:uuid:$id";
    $wsdl = new DOMDocument();
    $wsdl->load("$url?wsdl");
    $client->to = setting('CCMS_TO', $wsdl->getElementsByTagName('address')->item(0)->getAttribute('location'));
    [$client->key, $client->certificate, $client->court] = array_map('file_get_contents', [$key, $certificate, $court]);

    $query = [
        'MessageMetadata' => [
            'TransactionID' => $id,
            'MessageDateTime' => gmdate('Y-m-d\TH:i:s\Z'),
            'ExchangeCode' => 'FCC807',
            'MessageKindCode' => 'Query',
            'SchemaVersionID' => '1.0',
            'SendingParty' => ['PartyID' => setting('CCMS_PARTNER', 'ADULT-PROBATION')],
            'ReceivingParty' => ['PartyID' => setting('CCMS_COURT', 'CA099015J')],
            'Court' => ['CourtORIID' => setting('CCMS_COURT', 'CA099015J'), 'CountyCode' => setting('CCMS_COUNTY', '54')],
            'TestIndicator' => setting('CCMS_TEST', 'false') === 'true',
        ],
        'QuerySubmitter' => ['OrganizationName' => 'Probation', 'SubmitterUnitCode' => setting('CCMS_UNIT', 'AdultProbation')],
        'SearchCriteria' => ['CaseTrackingID' => $case, 'CaseParticipantIdentification' => ['IdentificationID' => $participant]],
    ];
    if ($day = setting('CCMS_AS_OF', '')) $query['BalanceAsOfDate'] = ['Date' => $day];
    try {
        $answer = $client->QueryCaseParticipantBalance($query);
    } catch (SoapFault $fault) {
        $error = $fault->detail->CaseParticipantBalanceQueryError->MessageError ?? throw new Refused($fault->getMessage());
        echo "Error message: {$error->ErrorCodeText}: {$error->ErrorReasonText}\n";
        return 4;
    }
    if ($rejection = $answer->QueryRejection ?? null) {
        echo "Rejected: {$rejection->RejectionReasonCodeText->_}: {$rejection->RejectionReasonText->_}\n";
        return 3;
    }
    $balance = $answer->CaseParticipantBalance;
    $who = $balance->CaseParticipant->CaseParticipantIdentification->IdentificationID->_;
    echo "Balance due: {$balance->BalanceDueAmount->_} {$balance->BalanceDueAmount->currencyCode}"
        . " as of {$balance->BalanceAsOfDate->Date->_}, case {$balance->CaseTrackingID->_}, participant $who\n";
    return 0;
}

try {
    exit(main($argv));
} catch (Refused $refused) {
    fwrite(STDERR, "Refused: {$refused->getMessage()}\n");
    exit(5);
} catch (NotProven $why) {
    fwrite(STDERR, "Answer not proven: {$why->getMessage()}\n");
    exit(6);
} catch (Exception $failure) {
    fwrite(STDERR, "Failed: {$failure->getMessage()}\n");
    exit(1);
}
