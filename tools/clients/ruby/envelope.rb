# A SOAP envelope with a WS-Security signature, with nokogiri and OpenSSL: how a message is signed and one is proven.
require 'base64'
require 'net/http'
require 'nokogiri'
require 'openssl'
require 'securerandom'
require 'time'

SOAP = { '1.1' => 'http://schemas.xmlsoap.org/soap/envelope/', '1.2' => 'http://www.w3.org/2003/05/soap-envelope' }.freeze
MEDIA = { '1.1' => 'text/xml', '1.2' => 'application/soap+xml' }.freeze
WSA = 'http://www.w3.org/2005/08/addressing'
OASIS = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-'
WSSE = "#{OASIS}wssecurity-secext-1.0.xsd"
WSU = "#{OASIS}wssecurity-utility-1.0.xsd"
BASE64 = "#{OASIS}soap-message-security-1.0#Base64Binary"
X509V3 = "#{OASIS}x509-token-profile-1.0#X509v3"
DS = 'http://www.w3.org/2000/09/xmldsig#'
C14N = 'http://www.w3.org/2001/10/xml-exc-c14n#'
RSA_SHA256 = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256'
SHA256 = 'http://www.w3.org/2001/04/xmlenc#sha256'
SKEW = 60

class Refused < StandardError; end    # a fault of the other side, signed or not
class NotProven < StandardError; end  # it cannot be shown that the court wrote this message

# Our key and certificate, and the court's certificate: PEM files.
Identity = Struct.new(:key, :token, :court) do
  def self.load(key, certificate, court)
    own, peer = [certificate, court].map { |file| OpenSSL::X509::Certificate.new(File.read(file)) }
    new(OpenSSL::PKey.read(File.read(key)), Base64.strict_encode64(own.to_der), peer.public_key)
  end
end

def setting(name, otherwise = '')
  ENV.fetch("CCMS_#{name}", otherwise)
end

def escaped(text)
  text.gsub('&', '&amp;').gsub('<', '&lt;')
end

# The root of a message without document type. Nokogiri's STRICT option alone would read entities.
def parse(xml)
  document = Nokogiri::XML(xml) { |config| config.strict.nonet }
  raise NotProven, 'it has a document type' if document.internal_subset
  raise NotProven, 'it has a processing instruction' if document.xpath('//processing-instruction()').any?

  document.root
rescue Nokogiri::XML::SyntaxError => e
  raise NotProven, "it is no plain XML: #{e.message}"
end

def canonical(element)
  element.canonicalize(Nokogiri::XML::XML_C14N_EXCLUSIVE_1_0)
end

def digest(element)
  Base64.strict_encode64(OpenSSL::Digest.digest('SHA256', canonical(element)))
end

def sign(version, payload, who, addressing)
  created = Time.now.utc
  blocks = addressing.map { |name, text| %(<wsa:#{name} wsu:Id="#{name}">#{escaped(text)}</wsa:#{name}>) }.join
  envelope = parse(<<~XML.gsub("\n", ''))
    <s:Envelope xmlns:s="#{SOAP[version]}" xmlns:wsa="#{WSA}" xmlns:wsse="#{WSSE}" xmlns:wsu="#{WSU}"><s:Header>#{blocks}
    <wsse:Security s:mustUnderstand="1"><wsu:Timestamp wsu:Id="Timestamp"><wsu:Created>#{created.iso8601(3)}</wsu:Created>
    <wsu:Expires>#{(created + 300).iso8601(3)}</wsu:Expires></wsu:Timestamp>
    <wsse:BinarySecurityToken EncodingType="#{BASE64}" ValueType="#{X509V3}" wsu:Id="Token">#{who.token}</wsse:BinarySecurityToken>
    </wsse:Security></s:Header><s:Body wsu:Id="Body">#{payload}</s:Body></s:Envelope>
  XML
  references = by_id(envelope).map do |id, element|
    %(<ds:Reference URI="##{id}"><ds:Transforms><ds:Transform Algorithm="#{C14N}"></ds:Transform></ds:Transforms>) +
      %(<ds:DigestMethod Algorithm="#{SHA256}"></ds:DigestMethod><ds:DigestValue>#{digest(element)}</ds:DigestValue></ds:Reference>)
  end
  info = %(<ds:SignedInfo xmlns:ds="#{DS}"><ds:CanonicalizationMethod Algorithm="#{C14N}"></ds:CanonicalizationMethod>) +
         %(<ds:SignatureMethod Algorithm="#{RSA_SHA256}"></ds:SignatureMethod>#{references.join}</ds:SignedInfo>)
  value = Base64.strict_encode64(who.key.sign('SHA256', info))
  envelope.at_xpath('//wsse:Security', 'wsse' => WSSE).add_child(
    %(<ds:Signature xmlns:ds="#{DS}">#{info}<ds:SignatureValue>#{value}</ds:SignatureValue><ds:KeyInfo>) +
    %(<wsse:SecurityTokenReference xmlns:wsse="#{WSSE}"><wsse:Reference URI="#Token" ValueType="#{X509V3}"/>) +
    '</wsse:SecurityTokenReference></ds:KeyInfo></ds:Signature>'
  )
  envelope.document.to_xml(save_with: Nokogiri::XML::Node::SaveOptions::AS_XML, encoding: 'UTF-8')
end

# The elements with an id; an id that is there twice could mean either.
def by_id(envelope)
  envelope.xpath('descendant-or-self::*/@*').select { |each| each.node_name.downcase == 'id' }.each_with_object({}) do |each, found|
    raise NotProven, 'an id is there twice' if found.key?(each.value)

    found[each.value] = each.parent
  end
end

def named(parent, namespace, name)
  parent.element_children.select { |each| each.node_name == name && each.namespace&.href == namespace }
end

def only(parent, namespace, name)
  found = named(parent, namespace, name)
  raise NotProven, "there are #{found.size} of #{name}" unless found.size == 1

  found.first
end

def fault_text(within)
  within.xpath(".//faultstring | .//*[local-name() = 'Text']").map { |each| each.text.strip }.join(' ')
end

# The texts of the wsa headers, and the Body, if the court signed both. `expected`: what headers must say.
def prove(message, who, expected)
  envelope = parse(message)
  soap = envelope.namespace&.href
  raise NotProven, 'it is no Envelope' unless SOAP.value?(soap) && envelope.node_name == 'Envelope'

  body = only(envelope, soap, 'Body')
  header = named(envelope, soap, 'Header').first
  unsigned = header.nil? || named(header, WSSE, 'Security').empty?
  raise Refused, "#{fault_text(body)} (nobody signed this)" if unsigned && named(body, soap, 'Fault').any?
  raise NotProven, 'it is no Envelope of Header and Body' unless envelope.element_children.to_a == [header, body]

  security = only(header, WSSE, 'Security')
  signature = only(security, DS, 'Signature')
  timestamp = only(security, WSU, 'Timestamp')
  signed = verified(signature, by_id(envelope), who)

  # What was signed is what will be read: these very elements, where they stand.
  blocks = header.element_children.select { |each| each.namespace&.href == WSA }
  [body, timestamp, *blocks].each { |part| raise NotProven, "#{part.node_name} is not signed" unless signed.include?(part) }
  texts = blocks.to_h { |block| [block.node_name, block.text.strip] }
  raise NotProven, 'an addressing header is there twice' unless texts.size == blocks.size

  expected.each { |name, value| raise NotProven, "#{name} is #{texts[name].inspect}" unless texts[name] == value }
  (header.element_children.to_a - blocks - [security]).each do |block|
    mandatory = block.attribute_with_ns('mustUnderstand', soap)&.value
    raise NotProven, "#{block.node_name} must be understood" if %w[1 true].include?(mandatory)
  end
  created, expires = %w[Created Expires].map { |name| moment(only(timestamp, WSU, name).text) }
  raise NotProven, 'it has expired, or the clocks differ' unless (created - SKEW..expires + SKEW).cover?(Time.now)

  [texts, body]
end

def moment(text)
  Time.iso8601(text.strip)
rescue ArgumentError
  raise NotProven, 'a time is none'
end

# The elements that the court's key has signed, by the algorithms that we know. The key is the one that we were given.
def verified(signature, ids, who)
  info = only(signature, DS, 'SignedInfo')
  method, how, *references = info.element_children.to_a
  raise NotProven, 'another algorithm' unless [method['Algorithm'], how['Algorithm']] == [C14N, RSA_SHA256] &&
                                             method.element_children.empty? && how.element_children.empty?

  value = Base64.decode64(only(signature, DS, 'SignatureValue').text)
  raise NotProven, "it is not signed with the court's key, or was changed" unless who.court.verify('SHA256', value, canonical(info))

  references.map do |reference|
    steps = only(reference, DS, 'Transforms').element_children
    plain = steps.size == 1 && steps[0]['Algorithm'] == C14N && steps[0].element_children.empty?
    raise NotProven, 'another transform or digest' unless plain && only(reference, DS, 'DigestMethod')['Algorithm'] == SHA256

    target = ids[reference['URI'].to_s.delete_prefix('#')]
    good = target && digest(target) == only(reference, DS, 'DigestValue').text.strip
    raise NotProven, 'a signed part was changed' unless good

    target
  end
end

# Status and body of the answer to a signed message.
def post(url, version, action, message)
  at = URI(url)
  request = Net::HTTP::Post.new(at)
  request.body = message
  request['Content-Type'] = "#{MEDIA[version]}; charset=utf-8#{%(; action="#{action}") if version == '1.2'}"
  request['SOAPAction'] = %("#{action}") if version == '1.1'
  answer = Net::HTTP.start(at.host, at.port, use_ssl: at.scheme == 'https', read_timeout: 30) { |http| http.request(request) }
  [answer.code.to_i, answer.body.to_s]
end
