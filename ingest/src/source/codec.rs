//! The compressions Spark writes event logs with, told by the file's suffix
//! (`spark.eventLog.compression.codec`).
//!
//! zstd is standard. `lz4` is the block stream of lz4-java (`LZ4BlockOutputStream`), not
//! the LZ4 frame format, so no command line tool reads it (SPARK-34503); `snappy` is the
//! stream of snappy-java (`SnappyOutputStream`), not Google's framing. Both are read
//! here, block by block. LZF has no Rust decoder and is refused.

use std::cell::Cell;
use std::io::{self, BufReader, Read};

use flate2::read::MultiGzDecoder;
use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};
use zstd::stream::zio;
use zstd::zstd_safe::WriteBuf;

/// Bytes of one decompressed block beyond which a header is taken for damage: Spark's
/// blocks hold 32 KiB unless configured, lz4-java's at most 32 MiB.
const LARGEST_BLOCK: usize = 1 << 26;

/// Bytes read ahead of the decompressor.
const COMPRESSED_BUFFER: usize = 1 << 15;

/// How an event log is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    Plain,
    Zstd,
    Lz4,
    Snappy,
    Gzip,
    Lzf,
}

impl Codec {
    /// Reads the suffix of a file name; `.inprogress` and `.compact` stand behind it.
    pub(super) fn of(file_name: &str) -> Self {
        let name = file_name.trim_end_matches(".compact").trim_end_matches(".inprogress");
        match name.rsplit_once('.').map(|(_, suffix)| suffix) {
            Some("zstd" | "zst") => Self::Zstd,
            Some("lz4") => Self::Lz4,
            Some("snappy") => Self::Snappy,
            Some("gz") => Self::Gzip,
            Some("lzf") => Self::Lzf,
            _ => Self::Plain,
        }
    }

    /// Wraps a source so that it yields plain text; nothing for LZF.
    pub(super) fn decoder(self, source: Box<dyn Read>) -> io::Result<Option<Box<dyn Read>>> {
        Ok(Some(match self {
            Self::Plain => source,
            Self::Zstd => {
                let source = BufReader::with_capacity(COMPRESSED_BUFFER, source);
                Box::new(zio::Reader::new(source, Zstd::new()?))
            }
            Self::Lz4 => Box::new(Blocks::new(source, lz4_block)),
            Self::Snappy => Box::new(Blocks::new(source, snappy_block)),
            Self::Gzip => Box::new(MultiGzDecoder::new(BufReader::new(source))),
            Self::Lzf => return Ok(None),
        }))
    }
}

thread_local! {
    static SPARE: Cell<Option<Decoder<'static>>> = const { Cell::new(None) };
}

/// A zstd decoder that goes back to its thread when it is done: making one (some hundred
/// KiB of tables) takes longer than decompressing a small log.
struct Zstd(Option<Decoder<'static>>);

impl Zstd {
    fn new() -> io::Result<Self> {
        let mut decoder = SPARE.take().map_or_else(Decoder::new, Ok)?;
        decoder.reinit()?;
        Ok(Self(Some(decoder)))
    }

    fn inner(&mut self) -> io::Result<&mut Decoder<'static>> {
        self.0.as_mut().ok_or_else(|| io::ErrorKind::BrokenPipe.into())
    }
}

impl Drop for Zstd {
    fn drop(&mut self) {
        SPARE.set(self.0.take());
    }
}

impl Operation for Zstd {
    fn run<C: WriteBuf + ?Sized>(
        &mut self,
        input: &mut InBuffer<'_>,
        output: &mut OutBuffer<'_, C>,
    ) -> io::Result<usize> {
        self.inner()?.run(input, output)
    }

    fn flush<C: WriteBuf + ?Sized>(&mut self, output: &mut OutBuffer<'_, C>) -> io::Result<usize> {
        self.inner()?.flush(output)
    }

    fn reinit(&mut self) -> io::Result<()> {
        self.inner()?.reinit()
    }

    fn finish<C: WriteBuf + ?Sized>(
        &mut self,
        output: &mut OutBuffer<'_, C>,
        finished_frame: bool,
    ) -> io::Result<usize> {
        self.inner()?.finish(output, finished_frame)
    }
}

/// Reads the next block of a stream into `block`; false at a clean end.
type NextBlock = fn(source: &mut dyn Read, block: &mut Vec<u8>) -> io::Result<bool>;

struct Blocks {
    source: Box<dyn Read>,
    next: NextBlock,
    block: Vec<u8>,
    at: usize,
}

impl Blocks {
    fn new(source: Box<dyn Read>, next: NextBlock) -> Self {
        Self { source: Box::new(BufReader::with_capacity(1 << 16, source)), next, block: Vec::new(), at: 0 }
    }
}

impl Read for Blocks {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.block.len() {
            self.block.clear();
            self.at = 0;
            if !(self.next)(&mut self.source, &mut self.block)? {
                return Ok(0);
            }
        }
        let rest = &self.block[self.at..];
        let taken = rest.len().min(out.len());
        out[..taken].copy_from_slice(&rest[..taken]);
        self.at += taken;
        Ok(taken)
    }
}

fn damaged(fault: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, fault)
}

/// Fills `buffer`; false when the source ends before its first byte.
fn fill(source: &mut dyn Read, buffer: &mut [u8]) -> io::Result<bool> {
    let mut at = 0;
    while at < buffer.len() {
        match source.read(&mut buffer[at..]) {
            Ok(0) if at == 0 => return Ok(false),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => at += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// Fills `buffer` of `length` bytes that a header promised.
fn fill_promised(source: &mut dyn Read, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // Grows with what is there: a damaged header must not reserve gigabytes.
    source.take(length as u64).read_to_end(&mut bytes)?;
    if bytes.len() < length { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(bytes) }
}

fn le_u32(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte))
}

/// One block of lz4-java's `LZ4BlockOutputStream`: the magic `LZ4Block`, a token (method
/// in the high half), then compressed length, length and checksum as little-endian
/// 32-bit numbers, then the bytes. An empty block ends one stream; another may follow.
fn lz4_block(source: &mut dyn Read, block: &mut Vec<u8>) -> io::Result<bool> {
    const RAW: u8 = 0x10;
    const LZ4: u8 = 0x20;
    let mut header = [0; 21];
    if !fill(source, &mut header)? {
        return Ok(false);
    }
    if header[..8] != *b"LZ4Block" {
        return Err(damaged("an LZ4 block does not start with its magic"));
    }
    let method = header[8] & 0xf0;
    let compressed = le_u32(&header[9..13]) as usize;
    let length = le_u32(&header[13..17]) as usize;
    if length > LARGEST_BLOCK || compressed > LARGEST_BLOCK {
        return Err(damaged("an LZ4 block claims an impossible length"));
    }
    let bytes = fill_promised(source, compressed)?;
    let plain = match method {
        RAW if compressed == length => bytes,
        LZ4 => lz4_flex::block::decompress(&bytes, length)
            .map_err(|_| damaged("an LZ4 block cannot be decompressed"))?,
        _ => return Err(damaged("an LZ4 block has an unknown method")),
    };
    // lz4-java keeps 28 bits of the checksum, and writes none for the empty block.
    if !plain.is_empty() && xxh32(&plain, 0x9747_b28c) & 0x0fff_ffff != le_u32(&header[17..21]) {
        return Err(damaged("an LZ4 block does not match its checksum"));
    }
    *block = plain;
    Ok(true)
}

/// XXH32 (<https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md>).
fn xxh32(bytes: &[u8], seed: u32) -> u32 {
    const P: [u32; 5] = [0x9e37_79b1, 0x85eb_ca77, 0xc2b2_ae3d, 0x27d4_eb2f, 0x1656_67b1];
    let mut stripes = bytes.chunks_exact(16);
    let mut hash = if bytes.len() >= 16 {
        let mut lanes = [
            seed.wrapping_add(P[0]).wrapping_add(P[1]),
            seed.wrapping_add(P[1]),
            seed,
            seed.wrapping_sub(P[0]),
        ];
        for stripe in stripes.by_ref() {
            for (lane, word) in lanes.iter_mut().zip(stripe.chunks_exact(4)) {
                *lane = lane.wrapping_add(le_u32(word).wrapping_mul(P[1])).rotate_left(13).wrapping_mul(P[0]);
            }
        }
        lanes.iter().zip([1, 7, 12, 18]).fold(0_u32, |sum, (lane, by)| sum.wrapping_add(lane.rotate_left(by)))
    } else {
        seed.wrapping_add(P[4])
    };
    // The specification adds the length modulo 2^32.
    hash = hash.wrapping_add(bytes.len() as u32);
    let mut words = stripes.remainder().chunks_exact(4);
    for word in words.by_ref() {
        hash = hash.wrapping_add(le_u32(word).wrapping_mul(P[2])).rotate_left(17).wrapping_mul(P[3]);
    }
    for byte in words.remainder() {
        hash = hash.wrapping_add(u32::from(*byte).wrapping_mul(P[4])).rotate_left(11).wrapping_mul(P[0]);
    }
    hash = (hash ^ hash >> 15).wrapping_mul(P[1]);
    hash = (hash ^ hash >> 13).wrapping_mul(P[2]);
    hash ^ hash >> 16
}

/// One block of snappy-java's `SnappyOutputStream`: a big-endian 32-bit length and that
/// many bytes of raw snappy. Streams start with a 16-byte header (magic, version,
/// compatible version), which may come again where streams were appended.
fn snappy_block(source: &mut dyn Read, block: &mut Vec<u8>) -> io::Result<bool> {
    const MAGIC: [u8; 8] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
    let mut length = [0; 4];
    if !fill(source, &mut length)? {
        return Ok(false);
    }
    if length == MAGIC[..4] {
        let mut rest = [0; 12];
        if !fill(source, &mut rest)? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        return if rest[..4] == MAGIC[4..] { Ok(true) } else { Err(damaged("the snappy header is damaged")) };
    }
    let length = u32::from_be_bytes(length) as usize;
    if length > LARGEST_BLOCK {
        return Err(damaged("a snappy block claims an impossible length"));
    }
    let bytes = fill_promised(source, length)?;
    match snap::raw::decompress_len(&bytes) {
        Ok(plain) if plain <= LARGEST_BLOCK => {}
        _ => return Err(damaged("a snappy block claims an impossible length")),
    }
    *block = snap::raw::Decoder::new()
        .decompress_vec(&bytes)
        .map_err(|_| damaged("a snappy block cannot be decompressed"))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(codec: Codec, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        let source: Box<dyn Read> = Box::new(io::Cursor::new(bytes.to_vec()));
        codec.decoder(source)?.unwrap().read_to_end(&mut out).map(|_| out)
    }

    #[test]
    fn xxh32_gives_the_published_values() {
        // Test vectors of the reference implementation (its own sanity check) and of python-xxhash.
        assert_eq!(xxh32(b"", 0), 0x02cc_5d05);
        assert_eq!(xxh32(b"a", 0), 0x550d_7456);
        assert_eq!(xxh32(b"abc", 0), 0x32d1_53ff);
        assert_eq!(xxh32(b"Nobody inspects the spammish repetition", 0), 0xe229_3b2f);
    }

    #[test]
    fn suffixes_tell_the_codec_also_behind_a_state() {
        for (name, want) in [
            ("app-20261120085851-0000", Codec::Plain),
            ("application_1_1_2.lz4", Codec::Lz4),
            ("app-1.snappy.inprogress", Codec::Snappy),
            ("events_3_app-1.zstd.compact", Codec::Zstd),
            ("eventlog-2024-02-13--20-00.gz", Codec::Gzip),
            ("app-1.lzf", Codec::Lzf),
        ] {
            assert_eq!(Codec::of(name), want, "{name}");
        }
    }

    fn snappy_stream(texts: &[&[u8]]) -> Vec<u8> {
        let mut bytes = vec![0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1];
        for text in texts {
            let block = snap::raw::Encoder::new().compress_vec(text).unwrap();
            bytes.extend(u32::try_from(block.len()).unwrap().to_be_bytes());
            bytes.extend(block);
        }
        bytes
    }

    #[test]
    fn snappy_streams_may_be_appended_and_cut() {
        let mut bytes = snappy_stream(&[b"one\n", b"two\n"]);
        bytes.extend(snappy_stream(&[b"three\n"]));
        assert_eq!(plain(Codec::Snappy, &bytes).unwrap(), b"one\ntwo\nthree\n");
        let cut = plain(Codec::Snappy, &bytes[..bytes.len() - 1]).unwrap_err();
        assert_eq!(cut.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn damaged_blocks_are_errors_not_panics() {
        let mut huge = b"LZ4Block\x25".to_vec();
        huge.extend([0xff; 12]);
        for (codec, bytes) in [
            (Codec::Lz4, huge),
            (Codec::Lz4, b"not an lz4 block stream at all".to_vec()),
            (Codec::Snappy, vec![0x7f, 0xff, 0xff, 0xff, 1, 2, 3]),
            (Codec::Snappy, vec![0, 0, 0, 2, 0xff, 0xff]),
        ] {
            assert_eq!(plain(codec, &bytes).unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
    }
}
