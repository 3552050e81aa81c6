//! Where exports are written: standard output, a pipe, or a file that appears whole.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::printer::Failure;

/// Where an export goes: stdout, a device or pipe written as it is, or a file that appears
/// whole (a temporary file renamed at the end; a symbolic link keeps pointing).
pub enum Output {
    /// Standard output, a device or a pipe.
    Stream { name: String, writer: BufWriter<Box<dyn Write>> },
    /// A file, under a temporary name until it is whole.
    File { temporary: PathBuf, target: PathBuf, writer: BufWriter<File> },
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
        let mut temporary = target.as_os_str().to_owned();
        temporary.push(".tmp");
        let temporary = PathBuf::from(temporary);
        let file = File::create(&temporary).map_err(failed)?;
        Ok(Self::File { temporary, target, writer: BufWriter::new(file) })
    }

    /// Where to write.
    pub fn writer(&mut self) -> &mut dyn Write {
        match self {
            Self::Stream { writer, .. } => writer,
            Self::File { writer, .. } => writer,
        }
    }

    /// Ends the output after `written`. A reader that went away (`| head`) has what it wanted.
    pub fn finish(self, written: io::Result<()>) -> Result<ExitCode, Failure> {
        let (name, result) = match self {
            Self::Stream { name, mut writer } => (name, written.and_then(|()| writer.flush())),
            Self::File { temporary, target, mut writer } => {
                let result = written
                    .and_then(|()| writer.flush())
                    .and_then(|()| writer.get_ref().sync_all())
                    .and_then(|()| std::fs::rename(&temporary, &target));
                if result.is_err() {
                    // Whatever cannot be removed either is named by the error below.
                    let _ = std::fs::remove_file(&temporary);
                }
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
