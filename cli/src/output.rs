//! Where exports are written: standard output, a pipe, a file or an object that appears whole.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ingest::store::{S3Options, S3Store};
use tempfile::{NamedTempFile, TempPath};

use crate::printer::Failure;

/// Where an export goes: stdout, a device or pipe written as it is, a file that appears whole
/// (a temporary file renamed at the end; a symbolic link keeps pointing), or an object of a
/// bucket, sent once it is whole.
pub enum Output {
    /// Standard output, a device or a pipe.
    Stream { name: String, writer: BufWriter<Box<dyn Write>> },
    /// A file, under a temporary name until it is whole, and gone where it never is.
    File { temporary: TempPath, target: PathBuf, writer: BufWriter<File> },
    /// An object, under a file until it is whole.
    Object { store: Box<S3Store>, uri: String, temporary: NamedTempFile, writer: BufWriter<File> },
}

impl Output {
    /// Opens it, before any work is done; nothing or `-` is standard output.
    pub fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            return Ok(Self::Stream {
                name: "standard output".into(),
                writer: BufWriter::new(Box::new(io::stdout())),
            });
        };
        let failed = |cause: io::Error| {
            let message = format!("could not write `{}`: {cause}", path.display());
            Failure::new(message, "name a file in a directory that exists and may be written")
        };
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => return Err(failed(io::ErrorKind::IsADirectory.into())),
            Ok(metadata) if !metadata.is_file() => {
                let device = File::options().write(true).open(path).map_err(failed)?;
                return Ok(Self::Stream {
                    name: path.display().to_string(),
                    writer: BufWriter::new(Box::new(device)),
                });
            }
            _ => {}
        }
        let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let name = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let directory = target.parent().filter(|directory| !directory.as_os_str().is_empty());
        // A name of its own: two who write the same file do not write into one another's.
        let mut builder = tempfile::Builder::new();
        builder.prefix(&name).suffix(".tmp");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let (file, temporary) = builder
            .tempfile_in(directory.unwrap_or(Path::new(".")))
            .map(NamedTempFile::into_parts)
            .map_err(failed)?;
        Ok(Self::File { temporary, target, writer: BufWriter::new(file) })
    }

    /// Opens it as [`Self::open`] does, or, where it is `s3://bucket/key`, a file that becomes
    /// this object.
    pub fn open_anywhere(path: Option<&Path>, s3: &S3Options) -> Result<Self, Failure> {
        let uri = path.and_then(Path::to_str).filter(|uri| uri.starts_with("s3://"));
        let Some(uri) = uri else { return Self::open(path) };
        if uri.ends_with('/') || !uri["s3://".len()..].contains('/') {
            let hint = "name an object: -o s3://bucket/directory/file";
            return Err(Failure::new(format!("could not write `{uri}`: it names no object"), hint));
        }
        let store = Box::new(S3Store::new(uri, s3).map_err(store_failure)?);
        let temporary = NamedTempFile::new()?;
        let writer = BufWriter::new(temporary.reopen()?);
        Ok(Self::Object { store, uri: uri.to_owned(), temporary, writer })
    }

    /// Lets a file be made, and ends the output with what is in it: for formats that are not
    /// written from front to back.
    pub fn made<E>(mut self, make: impl FnOnce(&Path) -> Result<(), E>) -> Result<ExitCode, Failure>
    where
        Failure: From<E>,
    {
        let place = match &self {
            Self::Stream { .. } => None,
            Self::File { temporary, .. } => Some(temporary.to_path_buf()),
            Self::Object { temporary, .. } => Some(temporary.path().to_owned()),
        };
        let Some(place) = place else {
            let file = NamedTempFile::new()?;
            make(file.path())?;
            let copied = File::open(file.path()).and_then(|mut made| io::copy(&mut made, self.writer()));
            return self.finish(copied.map(drop));
        };
        make(&place)?;
        // Whoever made it may have put another file in its place.
        if let Self::File { writer, .. } = &mut self {
            *writer = BufWriter::new(File::options().append(true).open(&place)?);
        }
        self.finish(Ok(()))
    }

    /// Where to write.
    pub fn writer(&mut self) -> &mut dyn Write {
        match self {
            Self::Stream { writer, .. } => writer,
            Self::File { writer, .. } | Self::Object { writer, .. } => writer,
        }
    }

    /// Ends the output after `written`. A reader that went away (`| head`) has what it wanted.
    pub fn finish(self, written: io::Result<()>) -> Result<ExitCode, Failure> {
        let (name, result) = match self {
            Self::Object { store, uri, temporary, mut writer } => {
                let written = written.and_then(|()| writer.flush());
                if written.is_ok() {
                    store.put_file(temporary.path()).map_err(store_failure)?;
                }
                (uri, written)
            }
            Self::Stream { name, mut writer } => (name, written.and_then(|()| writer.flush())),
            Self::File { temporary, target, mut writer } => {
                let result = written
                    .and_then(|()| writer.flush())
                    .and_then(|()| writer.get_ref().sync_all())
                    .and_then(|()| temporary.persist(&target).map_err(|kept| kept.error));
                (target.display().to_string(), result)
            }
        };
        match result {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(
                format!("could not write `{name}`: {error}"),
                "nothing of it counts; free some space or name another file",
            )),
            _ => Ok(ExitCode::SUCCESS),
        }
    }
}

fn store_failure(error: ingest::store::StoreError) -> Failure {
    let hint = error.hint.clone();
    Failure { error: Box::new(error), hint }
}
