from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MessagingConfig(AppConfig):
    name = "messaging"
    verbose_name = _("Messaging")
    #: See :func:`users.apps.declared`.
    actions_on_people = ("messaging.people_actions.send_welcome_mail",)
    when_a_password_is_forgotten = ("messaging.sign_in_mails.forgotten_mail",)
    when_somebody_is_invited = ("messaging.sign_in_mails.invitation_mail",)
    when_a_browser_is_new = ("messaging.sign_in_mails.new_browser_mail",)
    when_a_second_factor_changes = ("messaging.sign_in_mails.second_factor_mail",)
    when_an_address_is_to_be_proved = ("messaging.sign_in_mails.proof_mail",)
    when_a_domains_year_ends = ("messaging.services.domain_news_create",)
    when_a_sign_in_changes = ("messaging.sign_in_mails.changed_sign_in_mail",)
