//! Names every embedded file by its content, so that browsers may keep it for ever.

use std::path::Path;
use std::{env, fs, io};

/// Environment variable of the build, name, extension, file below `static/`.
const FILES: [(&str, &str, &str, &str); 8] = [
    ("URL_STYLE", "style", "css", "style.css"),
    ("URL_PALETTE", "palette", "css", "palette.css"),
    ("URL_PAGE", "page", "js", "page.js"),
    ("URL_FINDER", "finder", "js", "finder.js"),
    ("URL_CHARTS", "charts", "js", "charts.js"),
    ("URL_ECHARTS", "echarts", "js", "vendor/echarts/echarts.min.js"),
    ("URL_ECHARTS_LICENCE", "echarts-licence", "txt", "vendor/echarts/LICENSE"),
    ("URL_ICON", "icon", "svg", "icon.svg"),
];

fn main() -> io::Result<()> {
    let directory = env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?;
    for (variable, name, extension, file) in FILES {
        let path = Path::new(&directory).join("static").join(file);
        let hash = fnv1a(&fs::read(&path)?);
        println!("cargo::rerun-if-changed={}", path.display());
        println!("cargo::rustc-env={variable}=/static/{name}.{hash:016x}.{extension}");
    }
    Ok(())
}

/// FNV-1a, 64 bits: tells versions of a file apart, guards nothing.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
