"""A mail server for the tests: server.py PORT FOLDER [none|starttls|tls CERTIFICATE KEY].

Each mail that it takes becomes a file FOLDER/NNNN.json, read apart with Python's own readers. While there is a file
FOLDER/refuse, every mail is answered with what stands in it, and a line is added to FOLDER/refused."""

import email
import email.policy
import json
import pathlib
import signal
import socket
import ssl
import sys

import icalendar
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP


class Keeper:
    def __init__(self, folder):
        self.folder = folder
        self.taken = 0

    async def handle_DATA(self, server, session, envelope):
        refuse = self.folder / "refuse"
        if refuse.exists():
            with open(self.folder / "refused", "a") as refused:
                refused.write("refused\n")
            return refuse.read_text()
        encrypted = server.transport.get_extra_info("ssl_object") is not None
        mail = describe(envelope, encrypted)
        self.taken += 1
        half = self.folder / "half"
        half.write_text(json.dumps(mail, ensure_ascii=False))
        half.rename(self.folder / f"{self.taken:04}.json")
        return "250 OK"


def describe(envelope, encrypted):
    message = email.message_from_bytes(envelope.content, policy=email.policy.default)
    calendars = []
    for part in message.walk():
        if part.get_content_type() in ("text/calendar", "application/ics"):
            text = part.get_payload(decode=True).decode()
            calendars.append({
                "type": part.get_content_type(),
                "method": part["content-type"].params.get("method"),
                "text": text,
                "read": read(text),
            })
    return {
        "from": envelope.mail_from,
        "to": envelope.rcpt_tos,
        "encrypted": encrypted,
        "headers": {name.lower(): str(value) for name, value in message.items()},
        "defects": [str(defect) for part in message.walk() for defect in part.defects],
        "text": message.get_body(("plain",)).get_content(),
        "calendars": calendars,
    }


def read(text):
    calendar = icalendar.Calendar.from_ical(text)
    return {
        "method": str(calendar["METHOD"]),
        "errors": [str(error) for part in calendar.walk() for error in part.errors],
        "events": [
            {
                "uid": str(event["UID"]),
                "sequence": int(event["SEQUENCE"]),
                "status": str(event["STATUS"]),
                "starts": event["DTSTART"].dt.isoformat(),
                "ends": event["DTEND"].dt.isoformat(),
                "summary": str(event["SUMMARY"]),
                "location": str(event["LOCATION"]),
                "organizer": str(event["ORGANIZER"]),
                "attendee": str(event["ATTENDEE"]),
            }
            for event in calendar.walk("VEVENT")
        ],
    }


class Server(Controller):
    def __init__(self, handler, starttls=None, **settings):
        self.starttls = starttls
        super().__init__(handler, **settings)

    def _trigger_server(self):
        # Its own first look would need to trust the certificate.
        socket.create_connection((self.hostname, self.port), timeout=5).close()

    def factory(self):
        tls = {"tls_context": self.starttls, "require_starttls": True} if self.starttls else {}
        return SMTP(self.handler, hostname="localhost", **tls)


def main(port, folder, security="none", certificate=None, key=None):
    context = None
    if security != "none":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
    server = Server(
        Keeper(pathlib.Path(folder)),
        starttls=context if security == "starttls" else None,
        ssl_context=context if security == "tls" else None,
        hostname="127.0.0.1",
        port=int(port),
    )
    server.start()
    print("the mail server is ready", flush=True)
    signal.pause()


main(*sys.argv[1:])
