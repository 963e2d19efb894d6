//! Mail into a folder: one `.eml` file each, for tests, for other mail systems, for the careful.

use std::path::PathBuf;

use async_trait::async_trait;
use ports::store::Mail;
use url::Url;

use super::message::message;
use super::{Envelope, SendError, Sent, Transport, TransportError};

pub(super) struct Folder {
    path: PathBuf,
    envelope: Envelope,
}

impl Folder {
    pub(super) fn new(url: &Url, envelope: Envelope) -> Result<Self, TransportError> {
        let path = url.to_file_path().map_err(|()| TransportError::url("is not file:///DIRECTORY"))?;
        Ok(Self { path, envelope })
    }
}

#[async_trait]
impl Transport for Folder {
    async fn send(&self, mail: &Mail) -> Result<Sent, SendError> {
        let bytes = message(mail, &self.envelope)?.formatted();
        // Ids are ours and made of letters, digits and dashes. Written beside and renamed, so that nobody reads half.
        let target = self.path.join(format!("{}.eml", mail.id));
        let partial = self.path.join(format!(".{}.eml", mail.id));
        let written = async {
            tokio::fs::write(&partial, bytes).await?;
            tokio::fs::rename(&partial, &target).await
        };
        let failed = |error| SendError::transient(format!("{}: {error}", target.display()));
        written.await.map(|()| Sent::ToAll).map_err(failed)
    }

    async fn check(&self) -> Result<String, SendError> {
        let probe = self.path.join(".coinpipe-check");
        let written = async {
            tokio::fs::write(&probe, b"").await?;
            tokio::fs::remove_file(&probe).await
        };
        let folder = self.path.display();
        written
            .await
            .map_err(|error| SendError::transient(format!("cannot write into {folder}: {error}")))?;
        Ok(format!("mails go into {folder}"))
    }
}
