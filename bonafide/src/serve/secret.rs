//! The secret of an all-in-one service, kept in its data folder so that tokens outlive a restart.

use std::io::{self, Write};
use std::path::Path;

use secrecy::SecretString;

const FILE: &str = "secret";
const BYTES: usize = 32;

/// The secret in the folder's file `secret`; made at random, and readable for its owner only, where there is none.
pub(super) fn read_or_make(data_dir: &Path) -> io::Result<SecretString> {
    let path = data_dir.join(FILE);
    let named =
        |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make(data_dir, &path).map_err(named)
        }
        read => read.and_then(|text| checked(text.trim())).map_err(named),
    }
}

/// A file that somebody emptied or cut must not become a secret that anybody guesses.
fn checked(text: &str) -> io::Result<SecretString> {
    match hex::decode(text) {
        Ok(bytes) if bytes.len() == BYTES => Ok(text.into()),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "is damaged; remove it to have a new one made, which ends all sessions",
        )),
    }
}

/// Written aside and then named, so that a crash leaves no half of one, and of two processes one wins.
fn make(data_dir: &Path, path: &Path) -> io::Result<SecretString> {
    let secret = hex::encode(rand::random::<[u8; BYTES]>());
    std::fs::create_dir_all(data_dir)?;
    // Its permissions are 0600 from the beginning.
    let mut file = tempfile::NamedTempFile::new_in(data_dir)?;
    writeln!(file, "{secret}")?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(secret.into()),
        Err(lost) if lost.error.kind() == io::ErrorKind::AlreadyExists => {
            checked(std::fs::read_to_string(path)?.trim())
        }
        Err(failed) => Err(failed.error),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_secret_is_made_once_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().join("new");
        let first = read_or_make(&data_dir).unwrap();
        assert_eq!(first.expose_secret().len(), 2 * BYTES);
        assert_eq!(
            read_or_make(&data_dir).unwrap().expose_secret(),
            first.expose_secret()
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(data_dir.join(FILE))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let other = tempfile::tempdir().unwrap();
        assert_ne!(
            read_or_make(other.path()).unwrap().expose_secret(),
            first.expose_secret()
        );
    }

    #[test]
    fn a_damaged_secret_is_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        for damaged in ["", "\n", "abc", &"g".repeat(64)] {
            std::fs::write(folder.path().join(FILE), damaged).unwrap();
            let error = read_or_make(folder.path()).unwrap_err().to_string();
            assert!(error.contains("secret: is damaged"), "{error}");
            assert_eq!(
                std::fs::read_to_string(folder.path().join(FILE)).unwrap(),
                damaged
            );
        }
    }
}
