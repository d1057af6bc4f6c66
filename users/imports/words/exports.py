"""Exports that are known by their whole row of headings, and what each of their columns means.

Facts from the documentation of these products. A heading is written as the export has it; columns that mean nothing
here are named all the same: a row of headings is an export's only when the export has every one of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Export:
    """``columns``: heading → field. ``needs``: headings without which it is another file. ``others``: headings that
    mean nothing here. ``free``: headings that each site has for itself."""

    name: str
    columns: Mapping[str, str]
    needs: tuple[str, ...]
    others: tuple[str, ...] = ()
    free: re.Pattern[str] | None = None

    def has(self, heading: str) -> bool:
        return heading in self.columns or heading in self.others or bool(self.free and self.free.match(heading))


EXPORTS: tuple[Export, ...] = (
    Export(
        "Adobe Learning Manager, Export User Data",
        {
            "Name": "name",
            "Email": "email",
            "Deletion Date (UTC TimeZone)": "deleted_at",
            "Adobe ID": "adobe_id",
            "userState": "state",
            "profile": "profile",
            "Manager Email": "manager",
        },
        needs=("Name", "Email", "userState", "Internal User ID"),
        others=(
            # "Status": whether the person has ever signed in.
            *("Status", "Date Added (UTC TimeZone)", "Last Login Date (UTC TimeZone)", "Interface Language"),
            *("Content Language", "Timezone", "Internal User ID"),
        ),
    ),
    Export(
        "Adobe Learning Manager, user report of the Jobs API",
        {
            "userEmail": "email",
            "customerDefinedUniqueUserId": "unique_user_id",
            "name": "name",
            "managerEmail": "manager",
            "userType": "kind",
            "state": "state",
            "profile": "profile",
            "dateDeleted": "deleted_at",
        },
        needs=("internalUserID", "userEmail", "name", "state"),
        others=(
            *("internalUserID", "excludedFromGamification", "pointsEarned", "roles", "dateCreated", "lastLoginDate"),
            *("uiLocale", "contentLocale", "timeZoneCode", "userSource", "group", "lastSocialActivityDate"),
        ),
        free=re.compile(r"AF_"),
    ),
    Export(
        "Adobe Learning Manager, user.csv",
        {
            "name": "name",
            "email": "email",
            "profile": "profile",
            "manager": "manager",
            "User Registration State": "state",
            "User Deletion Date": "deleted_at",
        },
        needs=("name", "email", "manager", "User Registration State"),
        others=("job", "User Joining Date", "CustomRole", "", "Instructions"),
    ),
    Export(
        "Google Workspace",
        {
            "First Name [Required]": "first_name",
            "Last Name [Required]": "last_name",
            "Email Address [Required]": "email",
            "Status [READ ONLY]": "state",
            "Employee ID": "unique_user_id",
            "Employee Title": "profile",
            "Manager Email": "manager",
        },
        needs=("First Name [Required]", "Last Name [Required]", "Email Address [Required]"),
        others=(
            *("Password [Required]", "Password Hash Function [UPLOAD ONLY]", "Org Unit Path [Required]"),
            *("New Primary Email [UPLOAD ONLY]", "Last Sign In [READ ONLY]", "Recovery Email"),
            *("Home Secondary Email", "Work Secondary Email", "Recovery Phone [MUST BE IN THE E.164 FORMAT]"),
            *("Work Phone", "Home Phone", "Mobile Phone", "Work Address", "Home Address", "Employee Type"),
            *("Department", "Cost Center", "2sv Enrolled [READ ONLY]", "2sv Enforced [READ ONLY]", "Building ID"),
            *("Floor Name", "Floor Section", "Email Usage [READ ONLY]", "Drive Usage [READ ONLY]"),
            *("Photos Usage [READ ONLY]", "Total Storage [READ ONLY]", "Storage limit [READ ONLY]"),
            *("Storage Used [READ ONLY]", "Change Password at Next Sign-In", "New Status [UPLOAD ONLY]"),
            *("Licenses [READ ONLY]", "New Licenses [UPLOAD ONLY]", "Advanced Protection Program enrollment"),
        ),
    ),
    Export(
        "Microsoft Entra ID",
        {
            "userPrincipalName": "adobe_id",
            "displayName": "name",
            "surname": "last_name",
            "mail": "email",
            "givenName": "first_name",
            "id": "unique_user_id",
            "objectId": "unique_user_id",
            "userType": "kind",
            "jobTitle": "profile",
            "accountEnabled": "state",
        },
        needs=("userPrincipalName", "displayName", "mail"),
        others=(
            # "state": of the postal address.
            *("department", "usageLocation", "streetAddress", "state", "country", "officeLocation", "city"),
            *("physicalDeliveryOfficeName", "postalCode", "telephoneNumber", "mobilePhone", "mobile"),
            *("authenticationPhoneNumber", "authenticationAlternativePhoneNumber", "authenticationEmail"),
            *("alternateEmailAddress", "ageGroup", "consentProvidedForMinor", "legalAgeGroupClassification"),
            *("companyName", "creationType", "directorySynced", "invitationState", "identityIssuer"),
            *("createdDateTime",),
        ),
    ),
    Export(
        "Okta",
        {
            "login": "adobe_id",
            "firstName": "first_name",
            "lastName": "last_name",
            "email": "email",
            "title": "profile",
            "status": "state",
            "employeeNumber": "unique_user_id",
            "managerEmail": "manager",
        },
        needs=("login", "firstName", "lastName", "email"),
        others=(
            # "state": of the postal address; "managerId" and "manager": a number and a name.
            *("middleName", "honorificPrefix", "honorificSuffix", "displayName", "nickName", "profileUrl"),
            *("secondEmail", "mobilePhone", "primaryPhone", "streetAddress", "city", "state", "zipCode"),
            *("countryCode", "postalAddress", "preferredLanguage", "locale", "timezone", "userType", "costCenter"),
            *("organization", "division", "department", "managerId", "manager"),
        ),
    ),
    Export(
        "Canvas",
        {
            "user_id": "unique_user_id",
            "login_id": "adobe_id",
            "first_name": "first_name",
            "last_name": "last_name",
            "full_name": "name",
            "email": "email",
            "status": "state",
        },
        needs=("user_id", "login_id", "status"),
        others=(
            *("canvas_user_id", "integration_id", "authentication_provider_id", "password", "ssha_password"),
            *("sortable_name", "short_name", "pronouns", "declared_user_type", "canvas_password_notification"),
            *("home_account", "created_by_sis"),
        ),
    ),
    Export(
        "Moodle",
        {
            "firstname": "first_name",
            "lastname": "last_name",
            "email": "email",
            "idnumber": "unique_user_id",
            "deleted": "state",
            "suspended": "state",
        },
        needs=("username", "firstname", "lastname", "email"),
        others=(
            # "id": a number of the site; "username": its own login.
            *("id", "username", "password", "institution", "department", "phone1", "phone2", "address", "city"),
            *("country", "lang", "timezone", "auth", "oldusername", "description", "maildisplay", "interests"),
            *("theme", "calendartype", "mailformat", "maildigest", "autosubscribe", "middlename", "alternatename"),
            *("lastnamephonetic", "firstnamephonetic", "icq", "skype", "yahoo", "aim", "msn", "url", "webpage"),
        ),
        free=re.compile(
            r"(?:profile_field_.+|(?:course|group|role|type|enrolperiod|enrolstatus|enroltimestart|cohort|sysrole|"
            r"categoryrole|category)\d+)$"
        ),
    ),
)


def known_export(headings: tuple[str, ...]) -> Export | None:
    """The export that has every one of these headings, and all that it needs among them."""
    filled = {heading for heading in headings if heading}
    for export in EXPORTS:
        if filled.issuperset(export.needs) and all(export.has(heading) for heading in headings if heading):
            return export
    return None
