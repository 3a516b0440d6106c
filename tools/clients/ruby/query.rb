# Asks a court what a participant owes on a case (FCC807). What it needs, says and returns: ../README.md.
require_relative 'envelope'

EXCHANGE = 'urn:ccms-ws:exchange:FCC807:1.0'
EXT = 'urn:ccms-ws:extension:1.0'
NIEM = 'http://niem.gov/niem/niem-core/2.0'
NAMES = { 'q' => EXCHANGE, 'ext' => EXT, 'nc' => NIEM }.freeze

def query(id, case_number, participant)
  court = setting('COURT', 'CA099015J')
  as_of = setting('AS_OF')
  <<~XML.gsub("\n", '')
    <q:CaseParticipantBalanceQuery xmlns:q="#{EXCHANGE}" xmlns:ext="#{EXT}" xmlns:nc="#{NIEM}"><ext:MessageMetadata>
    <ext:TransactionID>#{id}</ext:TransactionID><ext:MessageDateTime>#{Time.now.utc.iso8601}</ext:MessageDateTime>
    <ext:ExchangeCode>FCC807</ext:ExchangeCode><ext:MessageKindCode>Query</ext:MessageKindCode><ext:SchemaVersionID>1.0</ext:SchemaVersionID>
    <ext:SendingParty><ext:PartyID>#{setting('PARTNER', 'ADULT-PROBATION')}</ext:PartyID></ext:SendingParty>
    <ext:ReceivingParty><ext:PartyID>#{court}</ext:PartyID></ext:ReceivingParty>
    <ext:Court><ext:CourtORIID>#{court}</ext:CourtORIID><ext:CountyCode>#{setting('COUNTY', '54')}</ext:CountyCode></ext:Court>
    <ext:TestIndicator>#{setting('TEST', 'false')}</ext:TestIndicator></ext:MessageMetadata>
    <q:QuerySubmitter><nc:OrganizationName>Probation</nc:OrganizationName>
    <q:SubmitterUnitCode>#{setting('UNIT', 'AdultProbation')}</q:SubmitterUnitCode></q:QuerySubmitter>
    <q:SearchCriteria><nc:CaseTrackingID>#{escaped(case_number)}</nc:CaseTrackingID>
    <ext:CaseParticipantIdentification><nc:IdentificationID>#{escaped(participant)}</nc:IdentificationID></ext:CaseParticipantIdentification>
    </q:SearchCriteria>#{"<q:BalanceAsOfDate><nc:Date>#{as_of}</nc:Date></q:BalanceAsOfDate>" unless as_of.empty?}
    </q:CaseParticipantBalanceQuery>
  XML
end

def ask(url, key, certificate, court, case_number, participant)
  version = setting('SOAP', '1.2')
  wsdl = parse(Net::HTTP.get(URI("#{url}?wsdl")))
  binding = { 'b' => "http://schemas.xmlsoap.org/wsdl/#{version == '1.2' ? 'soap12/' : 'soap/'}" }
  to = setting('TO', wsdl.at_xpath('//b:address', binding)['location'])
  action = wsdl.at_xpath('//b:operation', binding)['soapAction']
  who = Identity.load(key, certificate, court)
  id = SecureRandom.uuid
  message = sign(version, query(id, case_number, participant), who, 'To' => to, 'Action' => action, 'MessageID' => "urn:uuid:#{id}")
  _, answer = post(url, version, action, message)
  _, body = prove(answer, who, 'RelatesTo' => "urn:uuid:#{id}")

  text = ->(path) { body.at_xpath(".//#{path}", NAMES)&.text.to_s.strip }
  if (code = text['ext:ErrorCodeText']) != ''
    puts "Error message: #{code}: #{text['ext:ErrorReasonText']}"
    return 4
  end
  if (code = text['q:RejectionReasonCodeText']) != ''
    puts "Rejected: #{code}: #{text['q:RejectionReasonText']}"
    return 3
  end
  due = body.at_xpath('.//q:BalanceDueAmount', NAMES) or raise Refused, fault_text(body)
  currency = due.attribute_with_ns('currencyCode', NIEM)
  puts "Balance due: #{due.text} #{currency} as of #{text['q:BalanceAsOfDate/nc:Date']}, " \
       "case #{text['nc:CaseTrackingID']}, participant #{text['nc:IdentificationID']}"
  0
end

if ARGV.size != 6
  warn 'ruby query.rb URL KEY CERTIFICATE COURT-CERTIFICATE CASE PARTICIPANT'
  exit 2
end
begin
  exit ask(*ARGV)
rescue Refused => e
  warn "Refused: #{e.message}"
  exit 5
rescue NotProven => e
  warn "Answer not proven: #{e.message}"
  exit 6
rescue StandardError => e
  warn "Failed: #{e.message}"
  exit 1
end
