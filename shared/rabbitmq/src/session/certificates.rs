//! Reading the file of certificates to trust. lapin accepts any text, and trusts nobody when it holds no certificate;
//! here a file without one is an error.

use std::fmt::Display;
use std::path::Path;

use ports::QueueError;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::io::AsyncReadExt;

/// The longest file of certificates; all of a system together have about 200 KB.
const MOST_BYTES: u64 = 4 << 20;

/// The text of `file`, which holds at least one certificate in PEM, and no broken one.
pub(super) async fn read(file: &Path) -> Result<String, QueueError> {
    let wrong = |what: &dyn Display| QueueError::Misconfigured {
        reason: format!("cannot read the certificates in {}: {what}", file.display()),
    };
    let read = async {
        let mut pem = String::new();
        tokio::fs::File::open(file).await?.take(MOST_BYTES + 1).read_to_string(&mut pem).await?;
        std::io::Result::Ok(pem)
    };
    let pem = read.await.map_err(|error| wrong(&error))?;
    if pem.len() as u64 > MOST_BYTES {
        return Err(wrong(&"it is larger than 4 MiB"));
    }
    let mut certificates = 0;
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        certificate.map_err(|error| wrong(&error))?;
        certificates += 1;
    }
    if certificates == 0 {
        return Err(wrong(&"it holds no certificate in PEM"));
    }
    Ok(pem)
}
