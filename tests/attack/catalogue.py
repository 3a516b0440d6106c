"""The attacks that the endpoint must answer, by number: what each is, where it was described, and where its answer is
shown: by vectors (tests/vectors/attacks) if it concerns an envelope, by named tests if it does not.
"""

from __future__ import annotations

from typing import NamedTuple

_GATE = "tests/integration/services/test_gateway.py::"
_INBOX = "tests/integration/store/test_inbox.py::"
_LOAD = "tests/acceptance/test_endpoint_under_load.py::"
_CONSOLE = "tests/attack/test_console.py::"
_FAULTS = "tests/unit/envelope/test_faults.py::"
_PUBLISHED = "tests/integration/services/test_published_contract.py::"
_LINE = "tests/integration/delivery/test_line.py::"
_WRAPPING = (
    "tests/attack/test_wrapping.py::"
    "test_every_wrapping_variant_is_refused_or_shows_exactly_what_was_signed",
    "tests/attack/test_served.py::test_no_wrapping_variant_of_a_fresh_query_gets_past_a_real_endpoint",
)  # fmt: skip


class Row(NamedTuple):
    """One attack."""

    title: str
    reference: str
    tests: tuple[str, ...] = ()
    """Node ids that answer it, beside or instead of vectors."""
    without: str = ""
    """Why there is no vector, if there is none."""


ROWS: dict[int, Row] = {
    1: Row("The signed Body stands somewhere else", "WS-Attacker: XSW; WSS4J: VulnerabilityVectors", _WRAPPING),
    2: Row("Wrapping before, after and inside an Object", "XSW 1-8 as in SAML Raider", _WRAPPING),
    3: Row("An id twice, under any of its names", "node-soap 1291; WS-Attacker saml_same_id"),
    4: Row("A second Body, Header, Security or SignedInfo", "BP R9980, R9981, R1011; CVE-2025-29774"),
    5: Row("Timestamp or addressing moved or doubled", "WS-Attacker: XSW, WS-Addressing", _WRAPPING),
    6: Row("The signature, or a part of it, left out", "CVE-2015-0227; WS-Attacker: signature exclusion"),
    7: Row("A comment or an element cuts a text", "CVE-2025-29775"),
    8: Row("Namespaces and canonical forms that are read in two ways", "CVE-2025-66567, -66568, -25291, -25292"),
    9: Row("Transforms: XPath, XSLT, base64, unknown", "XML Signature Best Practices 2.1"),
    10: Row("References that lead out of the message", "XML Signature Best Practices 2.1.4; WSS4J: public URI"),
    11: Row("Too many references, Manifest, loops", "WSS4J: more than 30 references; BSP R5403"),
    12: Row("HMAC with the public key as its secret", "CVE-2025-48994"),
    13: Row("HMACOutputLength", "CVE-2009-0217; BSP R5401"),
    14: Row("Weak algorithms and keys", "WSS4J: MD5, RSA 1.5",
            ("tests/unit/envelope/test_trust.py::test_a_weak_or_strange_key_cannot_be_pinned",)),
    15: Row("Somebody else's key under the partner's name", "WS-Attacker: signature faking"),
    16: Row("The right authority, the wrong partner", "WSS4J: SIG_SUBJECT_CERT_CONSTRAINTS",
            (_GATE + "test_a_partner_cannot_speak_for_another",
             _GATE + "test_a_partner_without_the_right_to_ask_is_refused")),
    17: Row("A certificate expired, early, revoked, for another use", "RFC 5280 6.1, 6.3",
            ("tests/unit/envelope/test_trust.py::test_a_certificate_that_is_not_for_signing_cannot_be_pinned",)),
    18: Row("A Timestamp stale, future, missing, doubled, odd", "BSP R3203 to R3229"),
    19: Row("The same message again", "CVE-2026-41000; WSS-584, -637",
            (_GATE + "test_identical_bytes_again_get_the_stored_answer",
             _GATE + "test_the_same_message_again_gets_the_stored_answer",
             _GATE + "test_the_same_message_at_the_same_time_has_one_answer",
             _GATE + "test_the_same_id_with_other_content_is_refused"),
            "needs a history: a message that was answered before"),
    20: Row("Messages that nobody verified fill the memory of duplicates", "order of checks in WSS4J",
            ("tests/attack/test_served.py::test_what_is_refused_leaves_nothing_but_refusals",
             _INBOX + "test_only_the_newest_refusals_are_kept"),
            "needs a store: only verified messages reach it"),
    21: Row("SOAPAction, wsa:Action and Body do not agree", "WS-Attacker: SOAPAction spoofing; Spyne 478"),
    22: Row("Answers to somebody else", "WS-Attacker: WS-Addressing spoofing; CXF 3279, 3266"),
    23: Row("A message for another endpoint, or from somebody else", "WSA SOAP 6.4.3"),
    24: Row("Document types and entities", "SoapUI: XML bomb; defusedxml"),
    25: Row("External entities", "CVE-2026-41066; defusedxml"),
    26: Row("Depth", "WS-Attacker: coercive parsing"),
    27: Row("A flood of attributes", "WS-Attacker: attribute count, hash collision"),
    28: Row("A flood of namespaces", "exclusive and inclusive C14N compared"),
    29: Row("A flood of elements", "WS-Attacker: element count, SOAP array"),
    30: Row("Overlong names, values and texts", "WS-Attacker: overlong names"),
    31: Row("Too many bytes, wrong or no length, slow bodies", "BP R1125",
            (_GATE + "test_what_http_cannot_carry_is_refused_with_its_status",
             _LOAD + "test_slow_and_dead_clients_hold_nobody_up")),
    32: Row("Compressed bodies", "WS-Attacker: compression",
            (_GATE + "test_what_http_cannot_carry_is_refused_with_its_status",)),
    33: Row("Media types, charsets and encodings that do not agree", "BP R1012, R1115"),
    34: Row("Processing instructions; floods of CDATA and comments; rubbish", "BP R1009"),
    35: Row("Attachments", "CVE-2019-12406, CVE-2022-46364"),
    36: Row("Mandatory blocks, mustUnderstand, actors", "BP R1013, R1027"),
    37: Row("Encryption, as an oracle", "CVE-2011-1096, CVE-2011-2487"),
    38: Row("Faults that say too much; time that tells", "safe errors of WSS4J",
            (_FAULTS + "test_a_fault_tells_code_reason_and_incident_and_nothing_else",
             _FAULTS + "test_security_failures_look_alike",
             "tests/attack/test_timing.py::test_time_does_not_tell_how_a_signature_failed",
             _GATE + "test_rubbish_is_a_fault_that_tells_a_stranger_nothing"),
            "about answers, not about messages; every vector over HTTP is held to it"),
    39: Row("SQL and XPath in values", "SoapUI: scans",
            ("tests/attack/test_served.py::test_values_are_values_to_the_database",
             _INBOX + "test_words_of_a_stranger_do_no_harm"),
            "a well-signed message with strange values"),
    40: Row("Formulas, markup and line breaks in logs and tables", "OWASP: injection",
            ("tests/unit/test_log.py::test_a_line_break_in_a_value_makes_no_second_line",
             "tests/unit/test_log.py::test_personal_data_is_never_printed",
             _CONSOLE + "test_a_stranger_s_words_are_words_on_every_page",
             _CONSOLE + "test_a_message_is_shown_as_text_never_rendered",
             _CONSOLE + "test_a_spreadsheet_takes_no_cell_for_a_formula",
             _CONSOLE + "test_a_line_break_in_an_address_or_a_name_makes_no_line_in_the_log"),
            "about logs, the console and its CSV files"),
    41: Row("Poisoned WSDL: Host header, remote imports", "CXF 3323; zeep 391",
            (_PUBLISHED + "test_a_forged_host_changes_nothing",
             "tests/integration/clients/test_transport.py::test_contracts_are_not_fetched_from_the_network",
             "tests/unit/contract/test_wsdl.py::test_a_wsdl_outside_the_wsdl_is_never_published"),
            "about WSDL, not about messages"),
    42: Row("Answers unsigned, old, or to another request", "zeep 1197, 822",
            ("tests/integration/clients/test_query.py::test_an_answer_to_another_question_is_refused",
             "tests/integration/clients/test_query.py::test_a_stock_zeep_client_refuses_a_court_that_it_does_not_know",
             "tests/integration/clients/test_partner_client.py::"
             "test_another_partner_cannot_answer_for_this_one")),
    43: Row("Business replay: an answer twice, early, or to nothing", "phase4 371; Holodeck 104, 142",
            (_LINE + "test_an_answer_delivered_twice_has_one_effect",
             _LINE + "test_an_answer_to_nothing_is_quarantined"),
            "needs a history: an abstract that was sent"),
    44: Row("The console: guessing, forged forms, frames, fixed sessions", "OWASP",
            (_CONSOLE + "test_five_wrong_passwords_lock_a_name_for_an_hour_even_for_the_right_one",
             _CONSOLE + "test_guesses_at_the_same_time_are_not_more",
             _CONSOLE + "test_a_name_that_is_not_there_a_wrong_password_and_a_locked_name_cannot_be_told_apart",
             _CONSOLE + "test_a_form_from_elsewhere_is_refused",
             _CONSOLE + "test_the_token_of_one_browser_is_none_in_another",
             _CONSOLE + "test_an_address_that_is_not_the_console_s_is_refused",
             _CONSOLE + "test_no_answer_can_be_framed_guessed_at_or_kept",
             _CONSOLE + "test_a_session_id_from_outside_is_never_one",
             _CONSOLE + "test_a_session_ends_when_nobody_is_there_and_after_a_day_s_work",
             _CONSOLE + "test_nobody_reads_without_signing_in",
             _CONSOLE + "test_a_reader_neither_opens_nor_acts",
             _PUBLISHED + "test_the_page_cannot_be_framed_and_knows_no_login"),
            "about the console, not about messages"),
}  # fmt: skip
