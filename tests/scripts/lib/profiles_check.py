"""Compares what koji and magudi read in sets of configuration files.

usage: profiles_check.py PROGRAM DIRECTORY

PROGRAM is the example `profile` of magudi-koji; the sets are made in DIRECTORY, the second half of them at random with a fixed seed.
"""

import contextlib
import io
import json
import os
import random
import re
import subprocess
import sys

import koji
import koji_cli.lib

from checks import check, done

SYSTEM, SYSTEM_DIR, USER, USER_DIR = "etc/koji.conf", "etc/koji.conf.d/", "home/.koji/config", "home/.koji/config.d/"
NUMBERS = "max_retries retry_interval offline_retry_interval timeout auth_timeout poll_interval".split()
COMMON = "server weburl anon_retry offline_retry".split() + NUMBERS


def section(name, **settings):
    return f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in settings.items())


# What a set holds: files, and what is not usual about it.
SETS = [
    ("nothing at all", {}),
    ("an empty section", {SYSTEM: "[koji]\n"}),
    ("another profile", {SYSTEM: "[stg]\nserver = http://s\n"}),
    ("the defaults are no profile", {SYSTEM: "[DEFAULT]\nserver = http://s\n"}),
    ("one file", {SYSTEM: section("koji", server="https://koji/kojihub", weburl="https://koji/koji", topurl="https://f")}),
    ("all places", {
        SYSTEM_DIR + "20.conf": section("koji", server="d20", weburl="d20", topurl="d20", principal="d20", keytab="d20"),
        SYSTEM_DIR + "10.conf": section("koji", server="d10", max_retries=7),
        SYSTEM: section("koji", weburl="sys", topurl="sys", principal="sys"),
        USER_DIR + "a.conf": section("koji", topurl="u", principal="u"),
        USER: section("koji", principal="user"),
    }),
    ("only .conf files of a directory", {
        SYSTEM_DIR + "a.conf": section("koji", server="a"), SYSTEM_DIR + "b.txt": section("koji", server="b"),
        SYSTEM_DIR + ".conf": section("koji", weburl="hidden"), SYSTEM_DIR + "dir.conf/x": "",
    }),
    ("a file in the place of a directory", {"etc/koji.conf.d": section("koji", server="file")}),
    ("a directory in the place of a file", {"etc/koji.conf/x.conf": section("koji", server="dir")}),
    ("upper and lower case of directories", {
        USER_DIR + "B.conf": section("koji", server="B"), USER_DIR + "a.conf": section("koji", server="a"),
    }),
    ("the section of the defaults", {SYSTEM: "[DEFAULT]\nserver = http://d\nweburl = w\n[koji]\nweburl = k\n"}),
    ("defaults of one file reach the section of another", {
        SYSTEM: "[DEFAULT]\nserver = http://d\n", USER: "[koji]\nweburl = k\n",
    }),
    ("a later default does not win over a section", {
        SYSTEM: "[koji]\nserver = s\n", USER: "[DEFAULT]\nserver = d\nweburl = w\n",
    }),
    ("keys in capitals", {SYSTEM: "[koji]\nSERVER = a\nWebURL = b\n"}),
    ("names of sections keep their case", {SYSTEM: "[Koji]\nserver = a\n"}),
    ("a colon divides too", {SYSTEM: "[koji]\nserver: http://a:80/x\nweburl:b\ntopurl = a:b=c\n"}),
    ("comments", {SYSTEM: "# c\n; c\n[koji] ; c\nserver = a # part\nweburl = b ; part\n  # c\n#topurl = x\n"}),
    ("a value goes on", {SYSTEM: "[koji]\nserver = a\n  b\n\n  c\n# no\n  d\nweburl = w\n"}),
    ("a value begins on the next line", {SYSTEM: "[koji]\nserver =\n  http://a\nweburl = b\n"}),
    ("a header that is further in", {SYSTEM: "[koji]\nserver = a\n  [stg]\nweburl = b\n"}),
    ("an indented file", {SYSTEM: "  [koji]\n  server = a\n  weburl = b\n"}),
    ("empty values", {SYSTEM: "[koji]\nserver =\ntopurl =\nprincipal =\nkeytab =\nserverca =\ncert =\n"}),
    ("empty values win", {SYSTEM: section("koji", server="a", topurl="b"), USER: "[koji]\nserver =\ntopurl =\n"}),
    ("put in", {SYSTEM: "[koji]\nhost = h.example\nserver = https://%(host)s/kojihub\nweburl = %(server)s/%%20\n"}),
    ("put in from the defaults", {SYSTEM: "[DEFAULT]\nhost = h\n[koji]\nserver = http://%(HOST)s\n"}),
    ("put in across files", {SYSTEM: "[koji]\nserver = http://%(host)s\nhost = a\n", USER: "[koji]\nhost = b\n"}),
    ("put in ten deep", {SYSTEM: "[koji]\nserver = %(a1)s\n" + "".join(f"a{n} = %(a{n + 1})s\n" for n in range(1, 10))
                         + "a10 = end\n"}),
    ("put in too deep", {SYSTEM: "[koji]\nserver = %(a1)s\n" + "".join(f"a{n} = %(a{n + 1})s\n" for n in range(1, 11))
                         + "a11 = end\n"}),
    ("put in itself", {SYSTEM: "[koji]\nserver = %(server)s\n"}),
    ("put in nothing", {SYSTEM: "[koji]\nserver = %(missing)s\n"}),
    ("a lonely percent sign", {SYSTEM: "[koji]\nserver = 50%\n"}),
    ("a percent sign with something else", {SYSTEM: "[koji]\nserver = %d\n"}),
    ("a percent sign in a key that nobody asks for", {SYSTEM: "[koji]\npassword = 50%\n"}),
    ("a percent sign in a default that nobody asks for", {SYSTEM: "[DEFAULT]\nx = 50%\n[koji]\nserver = a\n"}),
    ("a percent sign in another section", {SYSTEM: "[stg]\nx = 50%\n[koji]\nserver = a\n"}),
    ("an unclosed name", {SYSTEM: "[koji]\nserver = %(host\nhost = a\n"}),
    ("a key twice in a file", {SYSTEM: "[koji]\nserver = a\nSERVER = b\n"}),
    ("a section twice in a file", {SYSTEM: "[koji]\nserver = a\n[stg]\n[koji]\nweburl = b\n"}),
    ("the defaults twice in a file", {SYSTEM: "[DEFAULT]\nserver = a\n[koji]\n[DEFAULT]\nweburl = b\n"}),
    ("a default twice in a file", {SYSTEM: "[DEFAULT]\nserver = a\n[koji]\n[DEFAULT]\nserver = b\n"}),
    ("a setting without a section", {SYSTEM: "server = a\n[koji]\n"}),
    ("a line that is none", {SYSTEM: "[koji]\nserver\n"}),
    ("a value without a key", {SYSTEM: "[koji]\n= a\n"}),
    ("an error in another section", {SYSTEM: "[stg]\nwhat\n[koji]\nserver = a\n"}),
    ("brackets in a name", {SYSTEM: "[ko[j]i]\nserver = a\n"}, {"name": "ko[j]i"}),
    ("blanks in a name", {SYSTEM: "[ koji ]\nserver = a\n"}, {"name": " koji "}),
    ("other letters", {SYSTEM: "[кодзи]\nserver = http://ä/☃\n"}, {"name": "кодзи"}),
    ("not UTF-8", {SYSTEM: b"[koji]\nserver = \xff\n"}),
    ("line ends of all kinds", {SYSTEM: "[koji]\r\nserver = a\rweburl = b\r\n"}),
    ("numbers", {SYSTEM: section("koji", max_retries="+3", retry_interval="1_0", timeout="007", poll_interval=0)}),
    ("a number with a point", {SYSTEM: section("koji", timeout="1.5")}),
    ("an empty number", {SYSTEM: "[koji]\ntimeout =\n"}),
    ("a number that is none", {SYSTEM: section("koji", poll_interval="often")}),
    ("a number that nobody asks for", {SYSTEM: section("koji", upload_blocksize="x")}),
    ("a version that is none", {SYSTEM: section("koji", pyver="three")}),
    ("booleans", {SYSTEM: section("koji", anon_retry="OFF", offline_retry="Yes", debug="0", use_fast_upload="true")}),
    ("a boolean that is none", {SYSTEM: section("koji", anon_retry="maybe")}),
    ("an empty boolean", {SYSTEM: "[koji]\noffline_retry =\n"}),
    ("a boolean that nobody asks for", {SYSTEM: section("koji", force_auth="2")}),
    ("a number put in", {SYSTEM: "[koji]\nn = 4\ntimeout = %(n)s0\n"}),
    ("the home", {SYSTEM: section("koji", cert="~/c.pem", serverca="~/ca.pem", topdir="~/koji")}),
    ("a home inside of a path", {SYSTEM: section("koji", cert="/a/~/c.pem", topdir="x~")}),
    ("certificates in the home", {SYSTEM: "[koji]\n", "home/.koji/client.crt": "", "home/.koji/serverca.crt": ""}),
    ("certificates in the home, but named none", {
        SYSTEM: "[koji]\ncert =\nserverca =\n", "home/.koji/client.crt": "", "home/.koji/serverca.crt": "",
    }),
    ("a certificate that is there", {SYSTEM: section("koji", cert="~/c.pem"), "home/c.pem": ""}),
    ("a certificate that is there, and Kerberos", {
        SYSTEM: section("koji", cert="~/c.pem", authtype="kerberos"), "home/c.pem": "",
    }),
    ("Kerberos", {SYSTEM: section("koji", authtype="kerberos", principal="a/b@C", keytab="/etc/k")}),
    ("a certificate that is not there", {SYSTEM: section("koji", authtype="ssl", cert="/nonexistent")}),
    ("a password", {SYSTEM: section("koji", authtype="password", user="u", password="p")}),
    ("no login", {SYSTEM: section("koji", authtype="noauth")}),
    ("servers are not verified", {SYSTEM: section("koji", no_ssl_verify="true")}),
    ("servers are verified", {SYSTEM: "[koji]\nno_ssl_verify =\n"}),
    ("a file instead of the user's", {
        SYSTEM: section("koji", server="s", weburl="s"), USER: section("koji", server="u"), "my.conf": "[koji]\nweburl = m\n",
    }, {"config": "my.conf"}),
    ("a directory instead of the user's", {
        USER: section("koji", server="u"), "my.d/a.conf": "[koji]\nweburl = m\n", "my.d/b": "[koji]\nserver = no\n",
    }, {"config": "my.d"}),
    ("a file that is not there", {SYSTEM: section("koji", server="s")}, {"config": "missing.conf"}),
    ("a directory without files", {SYSTEM: section("koji", server="s"), "my.d/b": ""}, {"config": "my.d"}),
]

# Where magudi differs on purpose: each is an error or a value of its own, and the reason is in docs/hub-setup.md.
DIFFERENT = [
    ("no_ssl_verify means what it says", "[koji]\nno_ssl_verify = False\n", lambda found: found["no_ssl_verify"] is False),
    ("no_ssl_verify is a boolean", "[koji]\nno_ssl_verify = maybe\n", lambda found: "koji.conf:2:" in found["error"]),
    ("the way to log in is known", "[koji]\nauthtype = magic\n", lambda found: "koji.conf:2:" in found["error"]),
    ("nothing is done less than never", "[koji]\nmax_retries = -1\n", lambda found: "koji.conf:2:" in found["error"]),
    ("a byte order mark is passed over", "\ufeff[koji]\nserver = a\n", lambda found: found["server"] == "http://h/a"),
]


def random_sets(count):
    """Sets of files with settings that are all fine by themselves."""
    chance = random.Random(20261122)
    texts = ["http://a/b", "", "%(host)s/x", "a b", "50%%", "~/x", "a\n  b", "ä", "x = y", "[z]", "# no", "%(up)s"]
    values = {
        **{key: ["1", "30", "+5", " 7", "0", "1_000", "%(n)s"] for key in NUMBERS},
        **{key: ["on", "FALSE", "yes", "0", "No", "true"] for key in ("anon_retry", "offline_retry", "debug")},
        **{key: texts for key in "server weburl topurl topdir principal keytab cert serverca other pkgurl".split()},
        "authtype": ["ssl", "password", "noauth", "kerberos"],
    }
    places = [SYSTEM, USER, SYSTEM_DIR + "a.conf", SYSTEM_DIR + "z.conf", USER_DIR + "m.conf"]
    for number in range(count):
        files = {}
        for place in chance.sample(places, chance.randint(1, len(places))):
            lines = []
            for name in chance.sample(["DEFAULT", "koji", "stg"], chance.randint(1, 3)):
                lines.append(chance.choice(["[{}]", " [{}]", "[{}] x"]).format(name))
                for key in chance.sample(sorted(values), chance.randint(0, 6)):
                    spelled = chance.choice([key, key.upper()])
                    sign = chance.choice([" = ", "=", ":", " : "])
                    lines.append(spelled + sign + chance.choice(values[key]))
                    lines.extend(chance.choice([[], [], [""], ["# c"], ["", "; c", ""]]))
            files[place] = chance.choice(["\n", "\r\n"]).join(lines) + "\n"
        # Without these two many a set would be wrong for the same reason.
        files[SYSTEM_DIR + "0.conf"] = "[DEFAULT]\nhost = h%%1\nn = 12\nup = %(host)s\n[koji]\n"
        if chance.random() < 0.3:
            files["home/.koji/client.crt"] = ""
        if chance.random() < 0.3:
            files["home/.koji/serverca.crt"] = ""
        yield f"random set {number}", files


def with_addresses(text):
    """The words for servers in a file as addresses, since magudi takes nothing else as a server."""
    if isinstance(text, bytes):
        return text
    return re.sub(r"(?im)^([ \t]*server[ \t]*[=:][ \t]*)(\w+)(?=[ \t\r]*$| [#;])", r"\1http://h/\2", text)


class Session:
    """Notes how `activate_session` would have logged in."""

    logged_in = False
    way = "noauth"

    def note(self, way):
        self.logged_in, self.way = True, way

    def ssl_login(self, *args, **kwargs):
        self.note("ssl")

    def gssapi_login(self, *args, **kwargs):
        self.note("kerberos")

    def login(self, *args, **kwargs):
        self.note("password")


def by_koji(root, name, config):
    """What koji says: the settings, or nothing if it refuses them."""
    real = koji.read_config_files

    def in_root(files, raw=False):
        moved = [root + file if isinstance(file, str) and file.startswith("/etc/") else file for file in files]
        return real(moved, raw)

    os.environ["HOME"] = os.path.join(root, "home")
    koji.read_config_files = in_root
    try:
        found = koji.read_config(name, config)
    except Exception as problem:  # koji lets through whatever its parser raises
        return {"refused": f"{type(problem).__name__}: {problem}"}
    finally:
        koji.read_config_files = real
    session = Session()
    koji_cli.lib.ensure_connection = lambda *args: None
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            koji_cli.lib.activate_session(session, dict(found, debug=False))
    except SystemExit:
        session.way = None
    expected = {key: found[key] for key in COMMON}
    # The empty text and nothing mean the same here.
    expected |= {key: found[key] or None for key in "topurl principal keytab cert serverca authtype".split()}
    expected["topdir"] = os.path.expanduser(found["topdir"])
    expected["no_ssl_verify"] = bool(found["no_ssl_verify"])
    expected["login"] = session.way
    return expected


def main():
    program, directory = sys.argv[1:]
    agreed = refused = no_address = 0

    def make(index, files):
        root = os.path.join(directory, str(index))
        os.makedirs(os.path.join(root, "home"))
        for path, text in files.items():
            text = with_addresses(text)
            path = os.path.join(root, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(text if isinstance(text, bytes) else text.encode())
        return root

    def by_magudi(root, name, config):
        command = [program, root, name] + ([config] if config else [])
        answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if answer.returncode not in (0, 1) or answer.stderr:
            sys.exit(f"FAILED: {command}: exit status {answer.returncode}: {answer.stderr}")
        return json.loads(answer.stdout)

    sets = [(*one, {})[:3] for one in SETS] + [(what, files, {}) for what, files in random_sets(120)]
    for index, (what, files, how) in enumerate(sets):
        root = make(index, files)
        name, config = how.get("name", "koji"), how.get("config")
        config = config and os.path.join(root, config)
        expected, found = by_koji(root, name, config), by_magudi(root, name, config)
        if "refused" in expected:
            refused += 1
            check(f"{what}: koji refuses it ({expected['refused']}), magudi", sorted(found), ["error"])
        elif not re.match(r"https?://[\w.]", expected["server"].strip()):
            # koji finds out when it connects.
            no_address += 1
            check(f"{what}: `{expected['server']}` is not an address ({root})", "must be http(s)://" in found.get("error", ""), True)
        else:
            agreed += 1
            check(f"{what} ({root})", found, expected)
    for index, (what, text, is_right) in enumerate(DIFFERENT):
        root = make(f"different-{index}", {SYSTEM: text})
        found, expected = by_magudi(root, "koji", None), by_koji(root, "koji", None)
        check(what, is_right(found), True)
        check(f"{what}: that is a difference", found != expected, True)
    # Neither kind may run dry.
    check("sets that both take", agreed >= 60, True)
    check("sets that both refuse", refused >= 20, True)
    check("servers that are not addresses", no_address >= 5, True)
    done()


main()
