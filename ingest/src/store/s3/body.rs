//! One object as a blocking reader, which goes on where a broken connection left off.

use std::io::{self, Read};
use std::sync::Arc;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{DisplayErrorContext, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::primitives::ByteStream;

use super::Engine;

/// A connection that breaks this often in one object, without a byte between, is given up.
const RESUMES: u32 = 3;

/// The body of an object.
pub struct Body {
    engine: Arc<Engine>,
    client: Client,
    bucket: String,
    key: String,
    /// The version being read: a resumed read must not go on in another.
    e_tag: Option<String>,
    length: Option<u64>,
    offset: u64,
    stream: Option<ByteStream>,
    chunk: Vec<u8>,
    used: usize,
    resumes: u32,
}

impl Body {
    /// Requests an object; nothing when the runtime is gone.
    pub fn open(
        engine: Arc<Engine>,
        client: Client,
        bucket: String,
        key: String,
    ) -> Option<Result<Self, SdkError<GetObjectError>>> {
        let mut body = Self {
            engine,
            client,
            bucket,
            key,
            e_tag: None,
            length: None,
            offset: 0,
            stream: None,
            chunk: Vec::new(),
            used: 0,
            resumes: 0,
        };
        Some(body.request()?.map(|()| body))
    }

    /// Requests what follows `offset`.
    fn request(&mut self) -> Option<Result<(), SdkError<GetObjectError>>> {
        let mut request = self.client.get_object().bucket(&self.bucket).key(&self.key);
        if self.offset > 0 {
            request = request.range(format!("bytes={}-", self.offset)).set_if_match(self.e_tag.clone());
        }
        Some(self.engine.run(request.send())?.map(|output| {
            if self.offset == 0 {
                self.e_tag = output.e_tag;
                self.length = output.content_length.and_then(|length| u64::try_from(length).ok());
            }
            self.stream = Some(output.body);
        }))
    }

    /// The next piece; empty at the end.
    fn advance(&mut self) -> io::Result<Vec<u8>> {
        loop {
            let broken = match self.stream.take() {
                None => io::Error::from(io::ErrorKind::UnexpectedEof),
                Some(mut stream) => {
                    let next = self.engine.run(async move {
                        let next = stream.try_next().await;
                        (stream, next)
                    });
                    match next {
                        None => return Err(io::Error::other("the store was closed")),
                        Some((stream, Ok(Some(piece)))) => {
                            self.stream = Some(stream);
                            if piece.is_empty() {
                                continue;
                            }
                            self.offset += piece.len() as u64;
                            self.resumes = 0;
                            return Ok(Vec::from(piece));
                        }
                        Some((_, Ok(None))) if self.length.is_none_or(|length| self.offset >= length) => {
                            return Ok(Vec::new());
                        }
                        Some((_, Ok(None))) => io::Error::from(io::ErrorKind::UnexpectedEof),
                        Some((_, Err(error))) => io::Error::other(DisplayErrorContext(error).to_string()),
                    }
                }
            };
            self.resume(broken)?;
        }
    }

    fn resume(&mut self, broken: io::Error) -> io::Result<()> {
        if self.resumes == RESUMES {
            return Err(broken);
        }
        self.resumes += 1;
        match self.request() {
            None => Err(io::Error::other("the store was closed")),
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(io::Error::other(DisplayErrorContext(error).to_string())),
        }
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.used == self.chunk.len() {
            // At the end nothing may be requested again.
            if self.length.is_some_and(|length| self.offset >= length) {
                return Ok(0);
            }
            self.chunk = self.advance()?;
            self.used = 0;
            if self.chunk.is_empty() {
                self.length = Some(self.offset);
                return Ok(0);
            }
        }
        let rest = self.chunk.get(self.used..).unwrap_or_default();
        let size = rest.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(rest) {
            *to = *from;
        }
        self.used += size;
        Ok(size)
    }
}
