//! Dead letters, from memory and from the spool to the queue.

use domain::Message;
use ports::QueueName;

use super::{PublishError, Publisher};
use crate::spool::{Spool, blocking};

impl Publisher {
    /// Publishes all letters and forgets them. Returns how many, and what kept one back.
    pub(super) async fn publish_letters(&self) -> Result<(usize, Option<PublishError>), PublishError> {
        let mut done = 0;
        let mut left = None;
        for letter in self.incidents.in_memory() {
            let id = letter.id.clone();
            if let Err(error) = self.publish(QueueName::Dead, letter).await {
                left = left.or(Some(PublishError::from(error).or_end()?));
                continue;
            }
            self.incidents.forget(&id);
            self.confirmed().remove(&id);
            done += 1;
        }
        let found = blocking(&self.spool, Spool::letters).await?;
        let (letters, unread) = self.incidents.report_found(found).await;
        left = left.or(unread.map(PublishError::from));
        for letter in letters {
            let id = letter.id.clone();
            match self.publish_letter(letter).await {
                Ok(()) => {
                    self.confirmed().remove(&id);
                    done += 1;
                }
                Err(error) => left = left.or(Some(error.or_end()?)),
            }
        }
        Ok((done, left))
    }

    /// Publishes a letter of the spool, and forgets it there.
    async fn publish_letter(&self, letter: Message) -> Result<(), PublishError> {
        let id = letter.id.clone();
        self.publish(QueueName::Dead, letter).await?;
        blocking(&self.spool, move |spool| spool.remove_letter(&id)).await?;
        Ok(())
    }
}
