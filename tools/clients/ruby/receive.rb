# Receives what a court sends (COL903 batches, DMV907 abstracts), proves it, and sends the answer to the court's service.
# What it needs, says and does: ../README.md.
require 'socket'
require_relative 'envelope'

COL903 = 'urn:ccms-ws:exchange:COL903:1.0'
DMV907 = 'urn:ccms-ws:exchange:DMV907:1.0'
NAMES = { 'col903' => COL903, 'dmv907' => DMV907, 'ext' => 'urn:ccms-ws:extension:1.0', 'nc' => 'http://niem.gov/niem/niem-core/2.0' }.freeze
LARGEST = 64 << 20
ACTIONS = {
  [COL903, 'CollectionBalanceUpdateBatch'] => 'urn:ccms-ws:partner:COL903:1.0:CollectionBalanceUpdates:CollectionBalanceUpdateBatch',
  [DMV907, 'FailureToComplyAbstract'] => 'urn:ccms-ws:partner:DMV907:1.0:FailureToComplyAbstracts:FailureToComplyAbstract'
}.freeze
PORT_TYPES = {
  'COL903' => 'urn:ccms-ws:service:COL903-answers:1.0:CollectionBalanceAnswers',
  'DMV907' => 'urn:ccms-ws:service:DMV907-answers:1.0:FailureToComplyAnswers'
}.freeze

# What was received, and what is answered.
class Receiver
  def initialize(address, who, court_service)
    @address, @who, @court_service = address, who, court_service
    @received = {}
    @lock = Mutex.new
    schema = setting('SCHEMA')
    @schema = schema.empty? ? nil : Dir.chdir(File.dirname(schema)) { Nokogiri::XML::Schema(File.read(schema)) }
  end

  # The HTTP status for a message.
  def receive(version, message)
    said, body = prove(message, @who, 'To' => @address)
    payload = body.element_children.first
    kind = payload && ACTIONS[[payload.namespace&.href, payload.node_name]]
    raise NotProven, 'the Action is not that of the message' unless kind && said['Action'] == kind && body.element_children.size == 1

    content = canonical(payload)
    raise NotProven, 'it is not valid against the schema' if @schema && @schema.validate(Nokogiri::XML(content)).any?

    id = said['MessageID'].to_s
    transaction = payload.at_xpath('ext:MessageMetadata/ext:TransactionID', NAMES)&.text
    raise NotProven, 'the MessageID is not the TransactionID' unless id.casecmp?("urn:uuid:#{transaction}")

    @lock.synchronize do # a real receiver keeps ids and messages in its database, in one transaction
      return @received[id] == content ? 202 : 500 if @received.key?(id)

      @received[id] = content
    end
    puts "Received: #{payload.node_name} #{id}"
    answer = answer_to(payload)
    Thread.new { send_answer(version, id, *answer) } if answer
    202
  end

  # Send an answer to the court's service, again under the same id until the court has it.
  def send_answer(version, relates_to, name, id, payload)
    action = "#{PORT_TYPES[name.start_with?('Collection') ? 'COL903' : 'DMV907']}:#{name}"
    [0, 1, 5, 30, 120].each do |wait|
      sleep wait
      message = sign(version, payload, @who, 'To' => @court_service, 'Action' => action, 'MessageID' => "urn:uuid:#{id}", 'RelatesTo' => relates_to)
      status, = post(@court_service, version, action, message)
      return puts("Answered: #{name} #{relates_to} #{status}") if status < 300

      warn "The court refuses the answer: #{status}"
      return unless [429, 503].include?(status)
    rescue SystemCallError, IOError, Timeout::Error => e
      warn "The court cannot be reached: #{e.message}"
    end
  end

  private

  # Name, id and text of the answer to a message; nil if silence is the answer.
  def answer_to(message)
    wrong = setting('REFUSE')
    text = ->(path) { escaped(message.at_xpath(path, NAMES)&.text.to_s.strip) }
    if message.node_name == 'CollectionBalanceUpdateBatch'
      count = message.xpath('col903:CollectionBalanceUpdate', NAMES).size.to_s
      return nil if wrong.empty? && text['col903:BatchRecordQuantity'] == count

      root = 'col903:CollectionBalanceUpdateError'
      about = "<col903:BatchID>#{text['col903:BatchID']}</col903:BatchID><col903:BatchRefusedIndicator>true</col903:BatchRefusedIndicator>" +
              error(wrong.empty? ? 'ControlTotalMismatch' : wrong)
    else
      about = "<dmv907:AbstractID>#{text['dmv907:AbstractID']}</dmv907:AbstractID>"
      root = wrong.empty? ? 'dmv907:FailureToComplyAbstractResponse' : 'dmv907:FailureToComplyAbstractError'
      about += wrong.empty? ? accepted(message, text) : error(wrong)
    end
    id = SecureRandom.uuid
    [root.split(':').last, id, answer(root, id, about, text)]
  end

  def accepted(message, text)
    canonical(message.at_xpath('.//ext:DriverLicense', NAMES)) +
      "<nc:CaseTrackingID>#{text['nc:CaseTrackingID']}</nc:CaseTrackingID><dmv907:MessageCodeText>ACCEPTED</dmv907:MessageCodeText>"
  end

  def error(code)
    "<ext:MessageError><ext:ErrorCodeText>#{escaped(code)}</ext:ErrorCodeText>" \
      '<ext:ErrorReasonText>The message cannot be processed.</ext:ErrorReasonText></ext:MessageError>'
  end

  def answer(root, id, about, text)
    metadata = ->(name) { text["ext:MessageMetadata/#{name}"] }
    declared = NAMES.map { |prefix, name| %(xmlns:#{prefix}="#{name}") }.join(' ')
    <<~XML.gsub("\n", '')
      <#{root} #{declared}><ext:MessageMetadata><ext:TransactionID>#{id}</ext:TransactionID>
      <ext:CorrelationID>#{metadata['ext:TransactionID']}</ext:CorrelationID><ext:MessageDateTime>#{Time.now.utc.iso8601}</ext:MessageDateTime>
      <ext:ExchangeCode>#{metadata['ext:ExchangeCode']}</ext:ExchangeCode>
      <ext:MessageKindCode>#{root.end_with?('Response') ? 'Response' : 'Error'}</ext:MessageKindCode><ext:SchemaVersionID>1.0</ext:SchemaVersionID>
      <ext:SendingParty><ext:PartyID>#{metadata['ext:ReceivingParty/ext:PartyID']}</ext:PartyID></ext:SendingParty>
      <ext:ReceivingParty><ext:PartyID>#{metadata['ext:SendingParty/ext:PartyID']}</ext:PartyID></ext:ReceivingParty>
      <ext:Court><ext:CourtORIID>#{metadata['ext:Court/ext:CourtORIID']}</ext:CourtORIID>
      <ext:CountyCode>#{metadata['ext:Court/ext:CountyCode']}</ext:CountyCode></ext:Court>
      <ext:TestIndicator>#{metadata['ext:TestIndicator']}</ext:TestIndicator></ext:MessageMetadata>#{about}</#{root}>
    XML
  end
end

# What a sender hears who is not proven to be the court: nothing about the reason.
def fault(version)
  sentence = 'The message is not accepted.'
  code = "<faultcode>s:Client</faultcode><faultstring>#{sentence}</faultstring>"
  code = %(<s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text xml:lang="en">#{sentence}</s:Text></s:Reason>) if version == '1.2'
  %(<s:Envelope xmlns:s="#{SOAP[version]}"><s:Body><s:Fault>#{code}</s:Fault></s:Body></s:Envelope>)
end

# One request of a connection, and its answer; Ruby comes without a web server since 3.0.
def serve(connection, receiver)
  method, = connection.gets("\n", 8192).to_s.split
  headers = {}
  while (line = connection.gets("\r\n", 8192)) && line.strip != ''
    name, _, value = line.partition(':')
    headers[name.downcase] = value.strip
  end
  version = MEDIA.key(headers['content-type'].to_s.partition(';').first.strip.downcase)
  length = headers['content-length'].to_i
  return respond(connection, '405 Method Not Allowed') unless method == 'POST'
  return respond(connection, '415 Unsupported Media Type') unless version && !headers['content-encoding']
  return respond(connection, '411 Length Required') unless length.between?(1, LARGEST)

  begin
    status = receiver.receive(version, connection.read(length))
    respond(connection, status == 202 ? '202 Accepted' : '500 Internal Server Error', status == 202 ? '' : fault(version), version)
  rescue StandardError => e
    warn "Refused: #{e.message}"
    respond(connection, version == '1.1' ? '500 Internal Server Error' : '400 Bad Request', fault(version), version)
  end
end

def respond(connection, status, body = '', version = '1.1')
  connection.write("HTTP/1.1 #{status}\r\nContent-Type: #{MEDIA[version]}; charset=utf-8\r\n" \
                   "Content-Length: #{body.bytesize}\r\nConnection: close\r\n\r\n#{body}")
end

if ARGV.size != 5
  warn 'ruby receive.rb ADDRESS KEY CERTIFICATE COURT-CERTIFICATE COURT-SERVICE'
  exit 2
end
address, key, certificate, court, court_service = ARGV
at = URI(address)
receiver = Receiver.new(setting('TO', address), Identity.load(key, certificate, court), court_service)
server = TCPServer.new(at.host, at.port)
$stdout.sync = true
puts "Listening at #{address}"
trap('TERM') { exit!(0) }
loop do
  Thread.new(server.accept) do |connection|
    connection.setsockopt(Socket::SOL_SOCKET, Socket::SO_RCVTIMEO, [30, 0].pack('l_2'))
    serve(connection, receiver)
  rescue SystemCallError, IOError => e
    warn "A connection broke: #{e.message}"
  ensure
    connection.close
  end
end
