"""Settings: the identity of the court."""

from __future__ import annotations

import re
from string import Formatter
from typing import Self

from pydantic import Field, model_validator

from ccms_ws.config.fields import ExistingFile, ExistingFolder, Section


class CourtSettings(Section):
    """The identity of this court, as in every message."""

    ori: str = Field(pattern=r"^[A-Z0-9]{9}$", description="the court's NCIC identification: nine capitals or digits")
    name: str = Field(min_length=1, description="the court's name as partners know it")
    county_code: str = Field(
        pattern=r"^(0[1-9]|[1-4][0-9]|5[0-8])$", description="the state's county code: 01 to 58, in quotes"
    )
    dmv_court_code: str = Field(pattern=r"^[0-9]{5}$", description="the court's code at DMV: five digits, in quotes")
    case_number_pattern: str = Field(
        default="",
        description="a regular expression with named groups for a case number in capitals; without it, any text is one",
    )
    case_number_form: str = Field(
        default="", description='how the groups form the court\'s own spelling: "{kind}-{year}-{serial:0>6}"'
    )
    test: bool = Field(default=False, description="true marks every message as a test; partners must not act on it")
    codes: ExistingFolder | None = Field(
        default=None, description="a folder with the court's own code lists; they add to those of xsd/codes/"
    )
    law: ExistingFile | None = Field(
        default=None, description="a file with the court's additions to the legal data (domain/law.toml)"
    )
    law_rules: dict[str, bool] = Field(
        default_factory=dict,
        description="rules of the law that the court's counsel turns on or off, by their ids (ccms-ws law list)",
    )

    @model_validator(mode="after")
    def _check_case_numbers(self) -> Self:
        if bool(self.case_number_pattern) != bool(self.case_number_form):
            raise ValueError("case_number_pattern and case_number_form go together")
        try:
            groups = dict.fromkeys(re.compile(self.case_number_pattern).groupindex, "1")
            fields = [field for _, field, _, _ in Formatter().parse(self.case_number_form) if field is not None]
            self.case_number_form.format(**groups)
        except (re.error, ValueError, LookupError, AttributeError) as error:
            raise ValueError(f"case_number_pattern and case_number_form do not fit together: {error!r}") from error
        if set(fields) - set(groups):
            raise ValueError("case_number_form should hold names of groups alone")
        return self
