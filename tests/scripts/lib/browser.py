"""A browser: headless Chromium through its driver, spoken to in the W3C's WebDriver protocol. Nothing but the standard library."""

import base64
import json
import subprocess
import time
import urllib.error
import urllib.request


class Browser:
    def __init__(self):
        self.base = self._start()
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
            # A machine may have much to do beside this.
            "timeouts": {"script": 300_000},
        }
        session = self.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.session = f"/session/{session['sessionId']}"

    def _start(self):
        """Starts the driver and returns its address. On a machine with too much to do it may need a second try."""
        said = []
        for _ in range(3):
            self.driver = subprocess.Popen(
                ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            for line in self.driver.stdout:
                if "started successfully on port" in line:
                    return f"http://127.0.0.1:{line.split('port')[1].strip().rstrip('.')}"
                said.append(line)
            self.driver.wait()
        raise SystemExit(f"chromedriver did not start: {''.join(said)}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.call("DELETE", self.session)
        finally:
            self.driver.terminate()
            self.driver.wait()

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, method=method, data=data)
        # A proxy of the surroundings has no business here.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            return json.load(opener.open(request, timeout=330))["value"]
        except urllib.error.HTTPError as error:
            raise SystemExit(f"{method} {path}: {error.read().decode()[:1000]}") from None

    def _devtools(self, command, **params):
        return self.call("POST", self.session + "/goog/cdp/execute", {"cmd": command, "params": params})

    def screen(self, width, height, scheme):
        self._devtools(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        self._devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, url):
        self.call("POST", self.session + "/url", {"url": url})

    def url(self):
        return self.call("GET", self.session + "/url")

    def run(self, script, *args):
        return self.call("POST", self.session + "/execute/sync", {"script": script, "args": list(args)})

    def run_async(self, script, *args):
        """Runs a script that hands its result to the function that is its last argument."""
        return self.call("POST", self.session + "/execute/async", {"script": script, "args": list(args)})

    def find(self, css):
        return next(iter(self.call("POST", self.session + "/element", {"using": "css selector", "value": css}).values()))

    def click(self, css):
        element = self.find(css)
        self.call("POST", f"{self.session}/element/{element}/click", {})

    def type(self, css, text):
        element = self.find(css)
        self.call("POST", f"{self.session}/element/{element}/clear", {})
        if text:
            self.call("POST", f"{self.session}/element/{element}/value", {"text": text})
        time.sleep(0.1)

    def picture(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.call("GET", self.session + "/screenshot")))

    def complaints(self):
        return [entry["message"] for entry in self.call("POST", self.session + "/se/log", {"type": "browser"})]
