from django.contrib import admin


class LmsAdminSite(admin.AdminSite):
    site_header = "LMS Purge"
    site_title = "LMS Purge"
    index_title = "Administration"
