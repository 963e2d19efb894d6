//! Certificates of an authority that only the test knows.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::LabError;

/// Files in PEM: an authority of one's own, and what it gave to a server that is called `localhost`.
///
/// The server is not called `127.0.0.1`: who asks for that name gets a certificate for another.
#[derive(Debug)]
pub struct Certificates {
    /// The authority's certificate, which a client has to trust.
    pub authority: PathBuf,
    /// The server's certificate.
    pub server: PathBuf,
    /// The server's private key.
    pub key: PathBuf,
}

impl Certificates {
    /// Makes new ones and writes them into `folder`.
    pub fn in_folder(folder: &Path) -> Result<Self, LabError> {
        let [authority, server, key] = make().map_err(|error| LabError::new(error.to_string()))?;
        let write = |name: &str, text: String| {
            let path = folder.join(name);
            std::fs::write(&path, text).map_err(LabError::io(format_args!("write {}", path.display())))?;
            Ok(path)
        };
        Ok(Self {
            authority: write("authority.pem", authority)?,
            server: write("server.pem", server)?,
            key: write("server.key", key)?,
        })
    }
}

/// The authority's certificate, the server's, and the server's key.
fn make() -> Result<[String; 3], rcgen::Error> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate()?;
    let authority = params.self_signed(&key)?;
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate()?;
    let server = CertificateParams::new(["localhost".to_owned()])?.signed_by(&key, &issuer)?;
    Ok([authority.pem(), server.pem(), key.serialize_pem()])
}
