//! Says on the webhook that no mail goes out until someone changes something: mails cannot say so.

use std::time::Duration;

use domain::one_line;
use ports::store::{Channel, Mail};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::Mailer;
use crate::report::{self, REASON_CHARS};

/// Who takes longer for it is asked again at the next attempt.
const PATIENCE: Duration = Duration::from_secs(20);

/// A mail that cannot be sent before someone changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stuck {
    /// Its id.
    pub(super) mail: String,
    /// What the server, or the system, says.
    pub(super) reason: String,
}

impl Mailer {
    /// Tells of the mail that is stuck, unless that was done, or there is no webhook. What does not arrive is tried again with the
    /// mail itself.
    pub(super) async fn tell_elsewhere(&self, stop: &CancellationToken) {
        let Some(webhook) = self.transports.of(Channel::Webhook) else { return };
        let Some(stuck) = self.memory(|memory| memory.untold.clone()) else { return };
        let message = report::unfiled("mail", &self.message(&stuck));
        let sent = tokio::select! {
            sent = webhook.send(&message) => sent,
            () = self.clock.sleep(PATIENCE) => return,
            () = stop.cancelled() => return,
        };
        match sent {
            Ok(_) => {
                self.memory(|memory| memory.untold = None);
                info!(mail = message.id, "sent: {}", message.subject);
            }
            Err(error) => warn!(%error, "the webhook could not be told that no mail goes out"),
        }
    }

    /// The same id from each alerter, for each mail.
    fn message(&self, Stuck { mail, reason }: &Stuck) -> Mail {
        let body = format!(
            "The mail server takes no mail until someone changes [mail], or the server:\n\n  {}\n\nMails wait, are tried every 15 \
             minutes, and go out then. What they say of trouble comes here, too.\n\nTo look: `coinpipe status`, and `coinpipe check`.\n",
            one_line(reason, REASON_CHARS)
        );
        let subject = "[coinpipe] No mail goes out until someone changes [mail], or the server";
        Mail::plain(format!("{mail}-stuck"), subject, body, self.clock.now())
    }
}
