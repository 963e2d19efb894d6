//! In which form whoever asks for an address expects its answer, also when that is what went wrong.

/// What whoever asks can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// People.
    View,
    /// Programs that ask the API.
    Json,
    /// Whatever takes a file.
    Text,
}

impl Form {
    /// That of what is at `path`, below the base path.
    pub(crate) fn of(path: &str) -> Self {
        if path == "/api" || path.starts_with("/api/") {
            Self::Json
        } else if path.rsplit_once('.').is_some_and(|(_, ending)| ending == "csv") {
            Self::Text
        } else {
            Self::View
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_and_files_are_known_by_their_addresses() {
        for (path, form) in [
            ("", Form::View),
            ("/coins/1", Form::View),
            ("/apis", Form::View),
            ("/api", Form::Json),
            ("/api/coins.csv", Form::Json),
            ("/coins/1.csv", Form::Text),
        ] {
            assert_eq!(Form::of(path), form, "{path}");
        }
    }
}
