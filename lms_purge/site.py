from django.contrib import admin

from users.forms import SignInForm


class LmsAdminSite(admin.AdminSite):
    site_header = "LMS Purge"
    site_title = "LMS Purge"
    index_title = "Administration"
    login_form = SignInForm
    login_template = "users/sign_in.html"
