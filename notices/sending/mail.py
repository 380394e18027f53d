"""Hand a mail to the server, and say what became of it.

Before the server takes the mail, nothing was sent: it is tried again. Once it took it the mail is
sent, whatever happens afterwards. Where the connection goes between the last byte and the answer
nobody can know; the server that did not answer has not taken the mail on itself (RFC 5321, 4.2.5),
so it is tried again, with the same Message-ID, by which mailboxes know a copy.
"""

import smtplib
import ssl
from contextlib import suppress
from email.utils import parseaddr

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection

from notices.documents import Outcome
from notices.rendering.mail import Message
from notices.sending.outcome import SENT, failed, retry

log = structlog.get_logger(__name__)

_PERMANENT = 500


def send_mail(address: str, message: Message, key: str, unsubscribe: str) -> Outcome:
    """One attempt. `key` is the same at each of them; `unsubscribe` is where one click ends it."""
    sender = settings.DEFAULT_FROM_EMAIL
    domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    mail = EmailMultiAlternatives(
        subject=message.subject,
        body=message.text,
        from_email=sender,
        to=[address],
        headers={
            "Message-ID": f"<{key}@{domain}>",
            "List-Unsubscribe": f"<{unsubscribe}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",  # RFC 8058
            "Auto-Submitted": "auto-generated",  # RFC 3834: no answer from holidays
        },
        alternatives=[(message.html, "text/html")],
    )
    connection = get_connection()
    try:
        connection.open()
        connection.send_messages([mail])
    except smtplib.SMTPRecipientsRefused as exc:
        [(code, _)] = exc.recipients.values()
        return _judge(code, "The mail server does not take mail for this address")
    except smtplib.SMTPDataError as exc:
        return _judge(exc.smtp_code, "The mail server does not take this mail")
    except smtplib.SMTPResponseException as exc:  # of us, not of the mail: it can be mended
        return retry(f"The mail server does not let the service send ({exc.smtp_code}).")
    except smtplib.SMTPServerDisconnected:
        return retry("The mail server broke the connection off.")
    except ssl.SSLCertVerificationError:
        return retry("The certificate of the mail server is not trusted.")
    except TimeoutError:
        return retry("The mail server did not answer in time.")
    except OSError as exc:  # smtplib's other errors are of this kind as well
        log.warning("mail_not_sent", error=type(exc).__name__)
        return retry("The mail server cannot be reached.")
    except ValueError:  # of headers and addresses that cannot be written
        return failed("The address is not one that mail can be sent to.")
    finally:
        with suppress(OSError):
            connection.close()
    return SENT


def _judge(code: int, why: str) -> Outcome:
    return (failed if code >= _PERMANENT else retry)(f"{why} ({code}).")
