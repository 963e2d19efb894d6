//! Reading small text files that somebody else wrote: a configuration, a secret.

use std::io::{self, Read};
use std::path::Path;

/// The text of the file at `path`, without the mark (BOM) that some editors put before UTF-8. Not more than `most` bytes
/// are read of whatever it is: a device has no end, and another file may have been meant.
pub(crate) fn read(path: &Path, most: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let size = bytesize::ByteSize(most);
        return Err(io::Error::other(format!("it is larger than {size}")));
    }
    let text = String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8"))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_path_leads_to_is_read_in_bounds() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            path
        };
        let check = |path: &Path, says: &str| {
            let error = read(path, 10).expect_err(says).to_string();
            assert!(error.contains(says), "{}: {error}", path.display());
        };
        check(folder.path(), "directory");
        check(Path::new("/dev/zero"), "larger than 10 B");
        check(&at("long", b"12345678901"), "larger");
        check(&at("latin1", b"caf\xe9"), "UTF-8");
        check(&at("utf16", b"\xff\xfea\0"), "UTF-8");
        check(&folder.path().join("missing"), "No such file");
        // A file with a hole takes no room, and is not read to its end either.
        let sparse = at("sparse", b"");
        std::fs::File::options().write(true).open(&sparse).unwrap().set_len(1 << 40).unwrap();
        check(&sparse, "larger");
        assert_eq!(read(&at("ten", b"1234567890"), 10).unwrap(), "1234567890");
        assert_eq!(read(&at("marked", b"\xef\xbb\xbfkey"), 10).unwrap(), "key");
    }
}
