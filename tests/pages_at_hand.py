"""Somebody who uses the site's pages without a browser: follows the links that stand there, fills in the forms.

What a browser would not let somebody do is not possible here either: a button that is not on the page cannot be
pressed, a field that is not there cannot be filled in, and hidden fields travel as they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from django.test import Client

#: Kinds of ``<input>`` that nobody fills in.
NOT_TYPED = {"hidden", "submit", "checkbox", "button", "reset", "image"}


@dataclass
class Input:
    """A control of a form. ``kind``: the type of an input, or "select", "textarea"."""

    name: str
    kind: str
    value: str = ""
    checked: bool = False
    disabled: bool = False
    label: str = ""


@dataclass
class Button:
    words: str
    name: str = ""
    value: str = ""
    action: str | None = None


@dataclass
class Form:
    action: str
    method: str
    inputs: list[Input] = field(default_factory=list)
    buttons: list[Button] = field(default_factory=list)

    @property
    def typed(self) -> list[str]:
        """Names of what somebody has to look at and fill in; boxes to tick apart."""
        return [each.name for each in self.inputs if each.kind not in NOT_TYPED]

    @property
    def ticks(self) -> list[Input]:
        return [each for each in self.inputs if each.kind == "checkbox"]


class _Reader(HTMLParser):
    """The links and forms of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[tuple[str, str]] = []
        self.forms: list[Form] = []
        self.text = ""
        self._form: Form | None = None
        self._words: list[str] | None = None
        self._link = ""
        self._select: Input | None = None
        self._button: Button | None = None
        self._silent = 0

    def handle_starttag(self, tag, attributes):
        of = {name: value or "" for name, value in attributes}
        if tag in ("script", "style", "title"):
            self._silent += 1
        elif tag == "a" and "href" in of:
            self._link, self._words = of["href"], []
        elif tag == "form":
            self._form = Form(of.get("action", ""), of.get("method", "get").lower())
            self.forms.append(self._form)
        elif self._form is None:
            return
        elif tag == "input" and of.get("type") == "submit":
            self._form.buttons.append(Button(of.get("value", ""), of.get("name", ""), of.get("value", "")))
        elif tag == "input":
            kind = of.get("type", "text")
            value = of.get("value", "on" if kind == "checkbox" else "")
            self._form.inputs.append(
                Input(of.get("name", ""), kind, value, "checked" in of, "disabled" in of, of.get("aria-label", ""))
            )
        elif tag in ("select", "textarea"):
            self._select = Input(of.get("name", ""), tag)
            self._form.inputs.append(self._select)
        elif tag == "option" and self._select is not None and ("selected" in of or not self._select.label):
            self._select.value, self._select.label = of.get("value", ""), "chosen"
        elif tag == "button" and of.get("type", "submit") == "submit":
            self._button = Button("", of.get("name", ""), of.get("value", ""), of.get("formaction"))
            self._words = []

    def handle_endtag(self, tag):
        if tag in ("script", "style", "title"):
            self._silent -= 1
        elif tag == "a" and self._link and self._words is not None:
            self.links.append((_plain("".join(self._words)), self._link))
            self._link, self._words = "", None
        elif tag == "button" and self._button is not None and self._form is not None:
            self._button.words = _plain("".join(self._words or []))
            self._form.buttons.append(self._button)
            self._button, self._words = None, None
        elif tag in ("select", "textarea"):
            self._select = None
        elif tag == "form":
            self._form = None

    def handle_data(self, data):
        if self._silent:
            return
        self.text += data
        if self._select is not None and self._select.kind == "textarea":
            self._select.value += data.removeprefix("\n") if not self._select.value else data
        if self._words is not None:
            self._words.append(data)


def page_behind(client: Client, response):
    """The page of a confirmation where the answer to a form leads to it; every other answer as it is."""
    to_page = response.status_code == 302 and re.match(r"/admin/users/deleteduser/(purge|other)/\?plan=", response.url)
    return client.get(response.url) if to_page else response


def read_page(html: str) -> tuple[list[str], list[Form]]:
    """The targets of its links, and its forms."""
    page = _Reader()
    page.feed(html)
    return [target for _words, target in page.links], page.forms


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


class Visit:
    """One person's way through the site. ``pages``: the paths that were shown, one after the other, with the number of
    a row as N; ``typed``: the names of what had to be filled in."""

    def __init__(self) -> None:
        self.client = Client(enforce_csrf_checks=True)
        self.pages: list[str] = []
        self.typed: list[str] = []
        self.url = "/"

    def open(self, url: str) -> Visit:
        return self._show(self.client.get(urljoin(self.url, url), follow=True), urljoin(self.url, url))

    def _show(self, response, url: str) -> Visit:
        chain = response.redirect_chain
        assert {status for _url, status in chain} <= {301, 302, 303}
        self.url = urljoin(self.url, chain[-1][0] if chain else url)
        assert response.status_code == 200, (response.status_code, self.url)
        page = _Reader()
        page.feed(response.content.decode())
        self.links, self.forms, self.text = page.links, page.forms, _plain(page.text)
        self.pages.append(re.sub(r"/\d+/", "/N/", urlsplit(self.url).path))
        return self

    def follow(self, words: str) -> Visit:
        """Press the first link with these words."""
        return self.open(next(url for said, url in self.links if said == words))

    def form(self, button: str) -> tuple[Form, Button]:
        """The form that has a button with these words."""
        for form in self.forms:
            for each in form.buttons:
                if each.words == button:
                    return form, each
        raise AssertionError(f"no button “{button}” among {[b.words for f in self.forms for b in f.buttons]}")

    def press(self, button: str, *, fill: dict[str, str] | None = None, tick: tuple[str, ...] = ()) -> Visit:
        """Fill in and send a form. ``fill``: by the names of its fields; ``tick``: values of boxes."""
        form, pressed = self.form(button)
        data: dict[str, list[str]] = {}
        left = dict(fill or {})
        boxes = set(tick)
        for each in form.inputs:
            if each.disabled or not each.name:
                continue
            if each.kind == "checkbox":
                if each.checked or each.value in boxes:
                    boxes.discard(each.value)
                    data.setdefault(each.name, []).append(each.value)
            else:
                data.setdefault(each.name, []).append(left.pop(each.name, each.value))
        assert not left, f"the form has no field {sorted(left)}"
        assert not boxes, f"the form has no box {sorted(boxes)}"
        if pressed.name:
            data.setdefault(pressed.name, []).append(pressed.value)
        self.typed += list(fill or {})
        target = urljoin(self.url, pressed.action or form.action or self.url)
        response = (self.client.post if form.method == "post" else self.client.get)(target, data, follow=True)
        return self._show(response, target)
