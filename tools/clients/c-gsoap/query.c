/* Asks a court what a participant owes on a case (FCC807), with gSOAP: wsdl2h and soapcpp2 make the call from the published
   WSDL, the wsse plugin signs it and proves the answer. What it needs, says and returns: ../README.md. */
#include "FCC807Soap11.nsmap"
#include "soapH.h"
#include "wsseapi.h"

#define WSA "http://www.w3.org/2005/08/addressing"
#define WSU "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
#define EXCLUSIVE_C14N "http://www.w3.org/2001/10/xml-exc-c14n#"
#define SHA256 "http://www.w3.org/2001/04/xmlenc#sha256"

enum outcome { BALANCE = 0, FAILED = 1, USAGE = 2, REJECTION = 3, ERROR_MESSAGE = 4, REFUSED = 5, NOT_PROVEN = 6 };

/* An element with text and nothing else, as a value of the structure that soapcpp2 made for its type. */
#define ELEMENT(type, text) &(struct type){.__item = (text)}

static char *setting(const char *name, char *otherwise)
{
  char *value = getenv(name);
  return value && *value ? value : otherwise;
}

static EVP_PKEY *read_key(const char *path)
{
  FILE *file = fopen(path, "r");
  EVP_PKEY *key = file ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;
  if (file)
    fclose(file);
  return key;
}

static X509 *read_certificate(const char *path)
{
  FILE *file = fopen(path, "r");
  X509 *certificate = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
  if (file)
    fclose(file);
  return certificate;
}

/* Lays down what is to be in the header, and that all of it and the Body are to be signed when the message is sent. */
static int to_be_signed(struct soap *soap, EVP_PKEY *key, X509 *certificate, char *message_id)
{
  soap_header(soap);
  soap->header->wsa5__To = setting("CCMS_TO", COURT_ADDRESS);
  soap->header->wsa5__Action = COURT_ACTION;
  soap->header->wsa5__MessageID = message_id;
  return soap_wsse_add_Timestamp(soap, "Time", 300)
      || soap_wsse_add_BinarySecurityTokenX509(soap, "Token", certificate)
      || soap_wsse_add_KeyInfo_SecurityTokenReferenceX509(soap, "#Token")
      || soap_wsse_sign_body(soap, SOAP_SMD_SIGN_RSA_SHA256, key, 0)
      || soap_wsse_set_wsu_id(soap, "wsa5:To wsa5:Action wsa5:MessageID")
      || soap_wsse_sign_only(soap, "Body Time Token wsa5:To wsa5:Action wsa5:MessageID");
}

/* Why the answer may not be the court's, or not the answer to this query; NULL if it is both. soap_wsse_verify_auto would
   take the key from the message and trust a whole authority; here it is the key of the certificate that we were given. */
static const char *doubt(struct soap *soap, EVP_PKEY *court, const char *message_id)
{
  const char *envelope = soap->version == 2 ? "http://www.w3.org/2003/05/soap-envelope" : "http://schemas.xmlsoap.org/soap/envelope/";
  struct ds__SignedInfoType *info = soap_wsse_SignedInfo(soap);
  const char *related = soap->header && soap->header->wsa5__RelatesTo ? soap->header->wsa5__RelatesTo->__item : NULL;
  int i;
  if (!info)
    return "there is no signature";
  if (soap_wsse_verify_SignatureValue(soap, SOAP_SMD_VRFY_RSA_SHA256, court, 0))
    return "it is not signed with the court's key";
  /* The plugin passes over what it does not know. */
  for (i = 0; i < info->__sizeReference; i++)
  {
    struct ds__ReferenceType *reference = info->Reference[i];
    if (!reference->DigestMethod || strcmp(reference->DigestMethod->Algorithm, SHA256) || !reference->Transforms
        || reference->Transforms->__sizeTransform != 1 || strcmp(reference->Transforms->Transform[0].Algorithm, EXCLUSIVE_C14N))
      return "another algorithm";
  }
  if (soap_wsse_verify_SignedInfo(soap))
    return "a signed part was changed, moved or doubled";
  /* There is one of each, and it is signed: an unsigned second one makes it 0, a signed one 2. */
  if (soap_wsse_verify_element(soap, envelope, "Body") != 1)
    return "the Body is not signed";
  if (soap_wsse_verify_element(soap, WSU, "Timestamp") != 1)
    return "the Timestamp is not signed";
  if (soap_wsse_verify_element(soap, WSA, "RelatesTo") != 1)
    return "RelatesTo is not signed";
  if (!related || strcmp(related, message_id))
    return "it answers another message";
  if (soap_wsse_verify_Timestamp(soap))
    return "it has expired";
  return NULL;
}

static enum outcome ask(struct soap *soap, char **given)
{
  char *court_id = setting("CCMS_COURT", "CA099015J"), *as_of = setting("CCMS_AS_OF", NULL);
  int test = !strcmp(setting("CCMS_TEST", "false"), "true");
  char *message_id = soap_strdup(soap, soap_rand_uuid(soap, "urn:uuid:"));
  EVP_PKEY *key = read_key(given[2]);
  X509 *certificate = read_certificate(given[3]), *court = read_certificate(given[4]);
  enum ext__CountyCodeSimpleType county;
  enum fcc807__SubmitterUnitCodeSimpleType unit;
  if (!key || !certificate || !court || soap_s2ext__CountyCodeSimpleType(soap, setting("CCMS_COUNTY", "54"), &county)
      || soap_s2fcc807__SubmitterUnitCodeSimpleType(soap, setting("CCMS_UNIT", "AdultProbation"), &unit))
  {
    fprintf(stderr, "Failed: a key, a certificate or a setting cannot be read\n");
    return FAILED;
  }
  struct fcc807__CaseParticipantBalanceQueryType query = {
    .ext__MessageMetadata = &(struct ext__MessageMetadataType){
      .TransactionID = ELEMENT(ext__UUIDType, message_id + strlen("urn:uuid:")),
      .MessageDateTime = ELEMENT(niem__dateTime, time(NULL)),
      .ExchangeCode = ELEMENT(ext__ExchangeCodeType, ext__ExchangeCodeSimpleType__FCC807),
      .MessageKindCode = ELEMENT(ext__MessageKindCodeType, ext__MessageKindCodeSimpleType__Query),
      .SchemaVersionID = ELEMENT(ext__VersionIDType, "1.0"),
      .SendingParty = &(struct ext__PartyType){.PartyID = ELEMENT(ext__PartyIDType, setting("CCMS_PARTNER", "ADULT-PROBATION"))},
      .ReceivingParty = &(struct ext__PartyType){.PartyID = ELEMENT(ext__PartyIDType, court_id)},
      .Court = &(struct ext__CourtType){.CourtORIID = ELEMENT(ext__ORIType, court_id), .CountyCode = ELEMENT(ext__CountyCodeType, county)},
      .TestIndicator = ELEMENT(niem__boolean, test ? xsd__boolean__true_ : xsd__boolean__false_)},
    .QuerySubmitter = &(struct fcc807__QuerySubmitterType){
      .nc__OrganizationName = ELEMENT(nc__TextType, "Probation"), .SubmitterUnitCode = ELEMENT(fcc807__SubmitterUnitCodeType, unit)},
    .SearchCriteria = &(struct fcc807__SearchCriteriaType){
      .nc__CaseTrackingID = ELEMENT(nc__IdentifierType, given[5]),
      .ext__CaseParticipantIdentification = &(struct nc__IdentificationType){.IdentificationID = ELEMENT(nc__IdentifierType, given[6])}},
    .BalanceAsOfDate = as_of ? &(struct nc__DateType){.Date = ELEMENT(niem__date, as_of)} : NULL,
  };
  struct fcc807__CaseParticipantBalanceQueryResponseType answer;
  soap_set_version(soap, strcmp(setting("CCMS_SOAP", "1.2"), "1.1") ? 2 : 1);
  if (to_be_signed(soap, key, certificate, message_id) || soap_wsse_verify_init(soap))
  {
    soap_print_fault(soap, stderr);
    return FAILED;
  }
  int called = soap_call___court__QueryCaseParticipantBalance(soap, given[1], NULL, &query, &answer);
  if (called != SOAP_OK && called != SOAP_FAULT)
  {
    fprintf(stderr, "Failed: ");
    soap_print_fault(soap, stderr);
    return FAILED;
  }
  if (called == SOAP_FAULT && !soap_wsse_Security(soap)) /* the court did not get as far as the query */
  {
    fprintf(stderr, "Refused: %s (nobody signed this)\n", soap_fault_string(soap));
    return REFUSED;
  }
  struct SOAP_ENV__Fault *fault = called == SOAP_FAULT ? soap->fault : NULL;
  const char *reason = fault ? soap_fault_string(soap) : NULL;
  const char *why = doubt(soap, X509_get0_pubkey(court), message_id);
  if (why)
  {
    fprintf(stderr, "Answer not proven: %s\n", why);
    return NOT_PROVEN;
  }
  if (fault)
  {
    struct SOAP_ENV__Detail *detail = fault->SOAP_ENV__Detail ? fault->SOAP_ENV__Detail : fault->detail;
    if (!detail || !detail->fcc807__CaseParticipantBalanceQueryError)
    {
      fprintf(stderr, "Refused: %s\n", reason);
      return REFUSED;
    }
    struct ext__MessageErrorType *error = detail->fcc807__CaseParticipantBalanceQueryError->ext__MessageError;
    printf("Error message: %s: %s\n", error->ErrorCodeText->__item, error->ErrorReasonText->__item);
    return ERROR_MESSAGE;
  }
  if (answer.QueryRejection)
  {
    printf("Rejected: %s: %s\n", answer.QueryRejection->RejectionReasonCodeText->__item, answer.QueryRejection->RejectionReasonText->__item);
    return REJECTION;
  }
  struct fcc807__CaseParticipantBalanceType *balance = answer.CaseParticipantBalance;
  struct nc__AmountType *due = balance->BalanceDueAmount;
  printf("Balance due: %s %s as of %s, case %s, participant %s\n", due->__item, soap_iso4217__CurrencyCodeSimpleType2s(soap, due->nc__currencyCode),
    balance->BalanceAsOfDate->Date->__item, balance->nc__CaseTrackingID->__item, balance->ext__CaseParticipant->CaseParticipantIdentification->IdentificationID->__item);
  return BALANCE;
}

int main(int count, char **given)
{
  if (count != 7)
  {
    fprintf(stderr, "query URL KEY CERTIFICATE COURT-CERTIFICATE CASE PARTICIPANT\n");
    return USAGE;
  }
  soap_ssl_init();
  struct soap *soap = soap_new1(SOAP_XML_CANONICAL | SOAP_XML_STRICT | SOAP_C_UTFSTRING);
  soap_register_plugin(soap, soap_wsse);
  soap->connect_timeout = soap->recv_timeout = soap->send_timeout = 30;
  soap_ssl_client_context(soap, SOAP_SSL_DEFAULT, NULL, NULL, NULL, "/etc/ssl/certs", NULL);
  enum outcome outcome = ask(soap, given);
  soap_destroy(soap);
  soap_end(soap);
  soap_free(soap);
  return outcome;
}
