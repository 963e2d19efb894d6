"""An SMTP server that does what the test asks: python3 server.py SETTINGS, as JSON."""

import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

settings = json.loads(sys.argv[1])


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = settings["recipients"].get(address)
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server, session, envelope):
        await asyncio.sleep(settings["delay"])
        if settings["drops"]:
            server.transport.abort()
            return "250 nobody hears it"
        if settings["answer"]:
            return settings["answer"]
        taken = {
            "recipients": envelope.rcpt_tos,
            "text": envelope.content.decode("utf-8"),
            "is_encrypted": session.ssl is not None,
            "is_logged_in": bool(session.authenticated),
        }
        with open(settings["mails"], "a") as mails:
            mails.write(json.dumps(taken) + "\n")
        return "250 taken"


class Mute(SMTP):
    async def _handle_client(self):
        await asyncio.Event().wait()


def log_in(server, session, envelope, mechanism, data):
    is_right = (data.login.decode(), data.password.decode()) == tuple(settings["login"])
    return AuthResult(success=is_right, handled=is_right)


async def main():
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings["certificate"], settings["key"])

    def session():
        kind = Mute if settings["is_mute"] else SMTP
        return kind(
            Handler(),
            hostname="lab",
            tls_context=context,
            require_starttls=True,
            auth_required=True,
            authenticator=log_in,
        )

    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", settings["port"])
    await server.serve_forever()


asyncio.run(main())
