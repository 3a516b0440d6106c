<?php
// A partner's program with PHP's own SoapClient: a typed call, made from the published WSDL; the envelope that it writes
// is signed with PHP's DOM and OpenSSL. php query.php WSDL KEY CERTIFICATE COURT-CERTIFICATE ACTION TO MESSAGE-ID ARGUMENTS
[, $wsdl, $key, $certificate, $court, $action, $to, $messageId, $arguments] = $argv;

const WSA = 'http://www.w3.org/2005/08/addressing';
const DS = 'http://www.w3.org/2000/09/xmldsig#';
const OASIS = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-';
const WSSE = OASIS . 'wssecurity-secext-1.0.xsd';
const WSU = OASIS . 'wssecurity-utility-1.0.xsd';
const C14N = 'http://www.w3.org/2001/10/xml-exc-c14n#';
const X509 = OASIS . 'x509-token-profile-1.0#X509v3';

function add(DOMElement $parent, string $namespace, string $name, string $text = ''): DOMElement {
    $child = $parent->ownerDocument->createElementNS($namespace, $name);
    if ($text !== '') $child->appendChild($parent->ownerDocument->createTextNode($text));
    return $parent->appendChild($child);
}

class SigningClient extends SoapClient {
    public array $keys = [];
    public string $answer = '';

    public function __doRequest($request, $location, $action, $version, $oneWay = false): ?string {
        $document = new DOMDocument();
        $document->loadXML($request);
        $envelope = $document->documentElement;
        $soap = $envelope->namespaceURI;
        $body = $document->getElementsByTagNameNS($soap, 'Body')->item(0);
        $header = $document->createElementNS($soap, $envelope->prefix . ':Header');
        $envelope->insertBefore($header, $body);
        $signed = [$body];
        foreach (['To', 'Action', 'MessageID'] as $name) $signed[] = add($header, WSA, "wsa:$name", $this->keys[$name]);
        $security = add($header, WSSE, 'wsse:Security');
        $security->setAttributeNS($soap, $envelope->prefix . ':mustUnderstand', '1');
        $timestamp = add($security, WSU, 'wsu:Timestamp');
        add($timestamp, WSU, 'wsu:Created', gmdate('Y-m-d\TH:i:s\Z'));
        add($timestamp, WSU, 'wsu:Expires', gmdate('Y-m-d\TH:i:s\Z', time() + 300));
        $pem = file_get_contents($this->keys['certificate']);
        $token = add($security, WSSE, 'wsse:BinarySecurityToken', preg_replace('/-----[^-]+-----|\s/', '', $pem));
        $token->setAttribute('ValueType', X509);
        $token->setAttribute('EncodingType', OASIS . 'soap-message-security-1.0#Base64Binary');
        array_push($signed, $timestamp, $token);
        foreach ($signed as $number => $part) $part->setAttributeNS(WSU, 'wsu:Id', "part-$number");
        $this->sign($security, $signed, array_search($token, $signed, true));
        $this->answer = parent::__doRequest($document->saveXML(), $location, $action, $version, $oneWay) ?? '';
        return $this->answer;
    }

    private function sign(DOMElement $security, array $signed, int $token): void {
        $signature = add($security, DS, 'ds:Signature');
        $info = add($signature, DS, 'ds:SignedInfo');
        add($info, DS, 'ds:CanonicalizationMethod')->setAttribute('Algorithm', C14N);
        $rsa = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256';
        add($info, DS, 'ds:SignatureMethod')->setAttribute('Algorithm', $rsa);
        foreach ($signed as $number => $part) {
            $reference = add($info, DS, 'ds:Reference');
            $reference->setAttribute('URI', "#part-$number");
            add(add($reference, DS, 'ds:Transforms'), DS, 'ds:Transform')->setAttribute('Algorithm', C14N);
            add($reference, DS, 'ds:DigestMethod')->setAttribute('Algorithm', 'http://www.w3.org/2001/04/xmlenc#sha256');
            add($reference, DS, 'ds:DigestValue', base64_encode(hash('sha256', $part->C14N(true), true)));
        }
        openssl_sign($info->C14N(true), $value, file_get_contents($this->keys['key']), OPENSSL_ALGO_SHA256);
        add($signature, DS, 'ds:SignatureValue', base64_encode($value));
        $named = add(add($signature, DS, 'ds:KeyInfo'), WSSE, 'wsse:SecurityTokenReference');
        $reference = add($named, WSSE, 'wsse:Reference');
        $reference->setAttribute('URI', "#part-$token");
        $reference->setAttribute('ValueType', X509);
    }
}

// What OpenSSL says of the court's signature, and how many parts have the digest that it states.
function verified(string $xml, string $court): array {
    $document = new DOMDocument();
    $document->loadXML($xml);
    $path = new DOMXPath($document);
    foreach (['ds' => DS, 'wsu' => WSU] as $prefix => $uri) $path->registerNamespace($prefix, $uri);
    $info = $path->query('//ds:SignedInfo')->item(0);
    $value = base64_decode($path->query('//ds:SignatureValue')->item(0)->textContent);
    $valid = openssl_verify($info->C14N(true), $value, file_get_contents($court), OPENSSL_ALGO_SHA256) === 1;
    $parts = 0;
    foreach ($path->query('ds:Reference', $info) as $reference) {
        $part = $path->query("//*[@wsu:Id='" . substr($reference->getAttribute('URI'), 1) . "']")->item(0);
        $digest = base64_encode(hash('sha256', $part->C14N(true), true));
        $valid = $valid && $digest === $path->query('ds:DigestValue', $reference)->item(0)->textContent;
        $parts++;
    }
    return ['valid' => $valid, 'parts' => $parts];
}

$client = new SigningClient($wsdl, ['cache_wsdl' => WSDL_CACHE_NONE, 'trace' => true, 'exceptions' => true]);
$client->keys = ['key' => $key, 'certificate' => $certificate, 'To' => $to, 'Action' => $action, 'MessageID' => $messageId];
$result = $error = null;
try {
    $result = $client->QueryCaseParticipantBalance(json_decode($arguments, true));
} catch (SoapFault $fault) {
    $error = $fault->getMessage();
}
echo json_encode([
    'operations' => $client->__getFunctions(),
    'types' => count($client->__getTypes()),
    'error' => $error,
    'result' => $result,
    'signature' => verified($client->answer, $court),
]);
