//! The search for secrets in whatever was written, in every shape in which they may turn up.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::path::Path;

/// Every shape of a secret that is looked for.
pub fn shapes(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    let each = |f: &dyn Fn(u8) -> String| bytes.iter().map(|byte| f(*byte)).collect::<String>();
    let keep =
        |byte: u8, coded: String| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { coded };
    let mut all = vec![
        secret.to_owned(),
        each(&|byte| keep(byte, format!("%{byte:02X}"))),
        each(&|byte| keep(byte, format!("%{byte:02x}"))),
        each(&|byte| format!("%{byte:02X}")),
        each(&|byte| format!("{byte:02x}")),
        each(&|byte| format!("{byte:02X}")),
        // As Rust prints bytes.
        bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(", "),
    ];
    for before in 0..3_usize {
        let mut shifted = vec![0_u8; before];
        shifted.extend_from_slice(bytes);
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let coded = engine.encode(&shifted);
            // Ends are shared with what stands before and behind.
            all.push(coded[[0, 2, 3][before]..coded.len() - 2].to_owned());
        }
    }
    all
}

/// Adds every place in `text` where one of the secrets stands, in whatever shape.
pub fn search(place: &str, text: &[u8], secrets: &[(&str, String)], found: &mut Vec<String>) {
    for (name, secret) in secrets {
        for shape in shapes(secret) {
            let hits = text.windows(shape.len()).filter(|window| *window == shape.as_bytes()).count();
            if hits > 0 {
                found.push(format!("{place}: {hits} times the {name}, as {shape}"));
            }
        }
    }
}

/// All files below a folder.
pub fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
