#!/usr/bin/env python3
"""Makes the manual by mdBook into target/book/: the pages of `docs/`, and the
examples and drop-in folders that they lead to. Then every link of a page must
lead to a file of the book.

With --skip it is no failure that there is no mdBook, which takes minutes to
install. That links lead somewhere, and code is what it says, tests/tidy sees too.
"""

import html.parser
import os
import re
import shutil
import subprocess
import sys
import urllib.parse

from setup import ROOT, output

PAGES = os.path.join("target", "book-pages")
BOOK = os.path.join("target", "book")
FOLDERS = ["docs", "examples", "envoy"]
FILES = ["README.md", "CHANGELOG.md", "LICENSE"]


def main():
    os.chdir(ROOT)
    if not shutil.which("mdbook"):
        print("book: mdbook is missing; install it with `cargo install --locked mdbook`", flush=True)
        sys.exit(0 if "--skip" in sys.argv[1:] else 1)
    for folder in [PAGES, BOOK]:
        shutil.rmtree(folder, ignore_errors=True)
    lay_out()
    build()
    broken = sorted(broken_links())
    if broken:
        sys.exit("\n".join(["book: links that lead nowhere:", *broken]))
    print(f"{BOOK}/index.html")


def lay_out():
    """As in the repository, so that the links between pages are the same."""
    for file in FILES + [path for folder in FOLDERS for path in tracked(folder)]:
        into = os.path.join(PAGES, file)
        os.makedirs(os.path.dirname(into), exist_ok=True)
        shutil.copy(file, into)
        if file.endswith(".md"):
            rename_links(into)
    shutil.move(os.path.join(PAGES, "docs", "book.toml"), PAGES)
    os.remove(os.path.join(PAGES, "docs", "SUMMARY.md"))
    with open(os.path.join(PAGES, "SUMMARY.md"), "w") as file:
        file.write(contents())


def rename_links(page):
    """As mdBook renames pages. The contents are on every page."""
    with open(page) as file:
        text = file.read().replace("SUMMARY.md)", "quickstart.md)")
    with open(page, "w") as file:
        file.write(re.sub(r"README\.md(?=[#)])", "index.md", text))


def tracked(folder):
    return (output(["git", "ls-files", folder]) or "").splitlines()


def contents():
    """Those of the manual, as seen from above it, and the pages beside it."""
    with open(os.path.join("docs", "SUMMARY.md")) as file:
        manual = file.read().replace("](", "](docs/")
    manual = manual.replace("# Tollgate\n", "# Tollgate\n\n[Tollgate](README.md)\n[Changelog](CHANGELOG.md)\n", 1)
    return manual + listed("Dropped in", "envoy/drop-in") + listed("Examples", "examples")


def listed(heading, folder):
    pages = [path for path in tracked(folder) if os.path.basename(path) == "README.md"]
    return "\n".join(["", f"# {heading}", "", *(f"- [{title(path)}]({path})" for path in pages), ""])


def title(path):
    with open(path) as file:
        return file.readline().strip("# \n")


def build():
    command = ["mdbook", "build", PAGES, "--dest-dir", os.path.join(ROOT, BOOK)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    sys.stderr.write(done.stdout)
    if done.returncode != 0 or re.search(r"\b(WARN|ERROR)\b", done.stdout):
        sys.exit("book: mdbook finds fault with a page")


def broken_links():
    for folder, _, names in os.walk(BOOK):
        # All pages once more, with links as seen from the top.
        for name in sorted(set(names) - {"print.html", "404.html", "toc.html"}):
            if name.endswith(".html"):
                page = os.path.join(folder, name)
                yield from (f"{page}: {link}" for link in links(page) if not leads_somewhere(page, link))


def links(page):
    found = Links()
    with open(page) as file:
        found.feed(file.read())
    return found.targets


def leads_somewhere(page, link):
    url = urllib.parse.urlsplit(link)
    if url.scheme or url.netloc or not url.path:
        return True
    path = os.path.join(os.path.dirname(page), urllib.parse.unquote(url.path))
    return os.path.exists(path)


class Links(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.targets = []

    def handle_starttag(self, tag, attrs):
        if tag == "a":
            self.targets += [value for name, value in attrs if name == "href" and value]


if __name__ == "__main__":
    main()
