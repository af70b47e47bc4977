"""A page as a reader sees it, for the tests of pages."""

from html.parser import HTMLParser

VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """The page as a reader sees it: its text, its tags, its references; fails where tags are not nested."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.references, self.text, self.by_id, self._open = [], [], "", {}, []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        self.references += [attributes[name] for name in ("src", "href", "srcset", "action") if name in attributes]
        if tag not in VOID:
            self._open.append((tag, attributes.get("id")))

    def handle_endtag(self, tag):
        assert self._open.pop()[0] == tag

    def handle_data(self, data):
        if self._open and self._open[-1][0] == "script":
            return
        self.text += data
        if self._open and self._open[-1][1]:
            self.by_id[self._open[-1][1]] = data
