//! The report in a headless browser: numbers are read back from the page, and it is looked at in four ways.

use std::path::{Path, PathBuf};
use std::process::Command;

use mfdoom_artifact::EmbeddingFormat;
use mfdoom_testing::skipped;

use crate::world::{World, value};

/// Names under which a Chromium may be found; MFDOOM_CHROMIUM comes first.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome-headless-shell"];

struct Browser {
    program: String,
    folder: PathBuf,
}

impl Browser {
    /// Finds one, or says that the test is skipped.
    fn find(folder: &Path) -> Option<Self> {
        let named = std::env::var("MFDOOM_CHROMIUM").ok();
        let names = named.into_iter().chain(NAMES.map(str::to_owned));
        let works = |name: &String| {
            Command::new(name).arg("--version").output().is_ok_and(|run| run.status.success())
        };
        let found = names.into_iter().find(works);
        if found.is_none() {
            skipped("no Chromium (MFDOOM_CHROMIUM)");
        }
        Some(Self { program: found?, folder: folder.to_owned() })
    }

    fn open(&self, page: &Path, more: &[String]) -> String {
        let profile = format!("--user-data-dir={}", self.folder.join("profile").display());
        let fixed = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--virtual-time-budget=4000",
        ];
        let run = Command::new(&self.program)
            .args(fixed)
            .arg(profile)
            .args(more)
            .arg(format!("file://{}", page.display()))
            .output()
            .unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8(run.stdout).unwrap()
    }
}

#[test]
fn the_page_shows_the_numbers_at_two_widths_and_in_two_themes() {
    let world = World::new(150);
    let Some(browser) = Browser::find(world.folder.path()) else { return };
    let embeddings = world.embeddings("e.parquet", EmbeddingFormat::Parquet);
    let page = world.path("r.html");
    let more = ["--label", "type", "--batch-key", "batch", "--report", page.to_str().unwrap()];
    let metrics = world.evaluate(&embeddings, &more).unwrap();
    let dom = browser.open(&page, &["--dump-dom".to_owned()]);
    for name in ["accuracy", "nmi", "kbet", "recall_at_10"] {
        let against = if name == "recall_at_10" { "unspliced" } else { "" };
        let head = if name == "recall_at_10" { "spliced" } else { "fusion" };
        let wanted = value(&metrics, ["all", head, against, name]);
        let label = format!("data-name=\"{name}\" data-value=\"");
        let numbers: Vec<f64> = dom
            .match_indices(&label)
            .map(|(at, _)| dom[at + label.len()..].split('"').next().unwrap().parse().unwrap())
            .collect();
        // The page and the reader of the file may round the last digit differently.
        let there = numbers.iter().any(|number| (number - wanted).abs() < 1e-12);
        assert!(there, "{name} of {wanted} is not on the page: {numbers:?}");
    }
    assert_eq!(dom.matches("data-drawn=").count(), 4, "the script drew a layout of each head");
    let folder = std::env::var_os("MFDOOM_SCREENSHOTS").map_or_else(|| world.path("shots"), PathBuf::from);
    std::fs::create_dir_all(&folder).unwrap();
    let mut sizes = Vec::new();
    for width in [390, 1280] {
        for (theme, setting) in [("light", 1), ("dark", 0)] {
            let picture = folder.join(format!("report-{width}-{theme}.png"));
            let shot = [
                format!("--screenshot={}", picture.display()),
                format!("--window-size={width},2400"),
                format!("--blink-settings=preferredColorScheme={setting}"),
            ];
            browser.open(&page, &shot);
            let bytes = std::fs::read(&picture).unwrap();
            assert!(bytes.starts_with(b"\x89PNG") && bytes.len() > 20_000, "{} bytes", bytes.len());
            sizes.push(bytes);
        }
    }
    sizes.dedup();
    assert_eq!(sizes.len(), 4, "no two pictures are the same");
}
