//! `demo`: a whole platform's raw exports, read and attributed, on a dashboard.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use chrono::{Datelike as _, Days, NaiveDate};
use fixtures::demo::BillFormat;
use fixtures::platform::facts::Settings;
use serde::{Deserialize, Serialize};

use crate::args::{Attribute, Demo, DemoBill, Ingest, Run, Serve};
use crate::command::now;
use crate::printer::{Failure, bar, say};

/// Marks a directory as a demo that was made whole, and says of what.
const MARK: &str = "demo.json";
/// Days of six weeks.
const SIX_WEEKS: u32 = 42;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Made {
    first_day: NaiveDate,
    days: u32,
    seed: u64,
    scale: u32,
    landed: bool,
    #[serde(default)]
    bill: DemoBill,
    /// Made whole; else a start was stopped, and the next makes it again.
    done: bool,
}

impl Made {
    fn format(&self) -> BillFormat {
        match self.bill {
            DemoBill::Cur2 => BillFormat::Cur2,
            DemoBill::LegacyCur => BillFormat::LegacyCur,
            DemoBill::Focus => BillFormat::Focus,
        }
    }

    fn settings(&self) -> Settings {
        Settings {
            seed: self.seed,
            first_day: self.first_day,
            days: self.days,
            planned_days: self.days,
            scale: self.scale,
            without: vec![],
            unfixed: vec![],
        }
    }
}

/// Makes the demo where it is not there yet, brings its mart up to date, and serves it.
pub fn run(options: &Demo) -> Result<ExitCode, Failure> {
    let started = Instant::now();
    let directory = &options.dir;
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
    if !options.no_serve && !options.generate_only {
        free(listen)?;
    }
    let made = match found(directory)? {
        Some(made) if made.done => {
            differs(options, &made)?;
            say(format!("reusing the demo in {}", directory.display()));
            made
        }
        _ => make(options, directory)?,
    };
    if options.price_waste {
        price_waste(&made, directory)?;
    }
    if options.generate_only {
        return Ok(ExitCode::SUCCESS);
    }
    let config = directory.join("lakeledger.toml");
    let code = if made.landed {
        super::run::attribute_only(&config, Attribute::default())?
    } else {
        super::run::run(
            &config,
            &Run { ingest: Ingest { source: Vec::new() }, attribute: Attribute::default(), alerts: true },
        )?
    };
    say(format!("ready after {:.1} s: {}", started.elapsed().as_secs_f64(), config.display()));
    if options.no_serve {
        return Ok(code);
    }
    super::serve::run(&config, &Serve { no_schedule: false, listen })
}

/// Refuses a taken port before minutes of work rather than after.
fn free(listen: SocketAddr) -> Result<(), Failure> {
    TcpListener::bind(listen).map(drop).map_err(|cause| {
        Failure::new(
            format!("could not listen on {listen}: {cause}"),
            "stop what listens there, choose another port with --port, or make the demo only with --no-serve",
        )
    })
}

/// Works out what each planted waste of the demo costs.
fn price_waste(made: &Made, directory: &Path) -> Result<(), Failure> {
    let started = Instant::now();
    let progress = bar("pricing wastes", 0);
    fixtures::demo::price_waste(directory, &made.settings(), &|done, of| {
        progress.set_length(of as u64);
        progress.set_position(done as u64);
    })?;
    progress.finish_and_clear();
    say(format!(
        "{:<14} wrote {} in {:.1} s",
        "waste",
        directory.join("truth/waste-prices.json").display(),
        started.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// What an earlier start made here; nothing where there is nothing yet.
fn found(directory: &Path) -> Result<Option<Made>, Failure> {
    let mark = directory.join(MARK);
    match std::fs::read(&mark) {
        Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|cause| {
            Failure::new(
                format!("could not read `{}`: {cause}", mark.display()),
                "remove the directory, or choose another with --dir",
            )
        }),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
            // Without its mark nothing here is the demo's, whatever it is called.
            if std::fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some()) {
                return Err(Failure::new(
                    format!("`{}` holds files that are no demo", directory.display()),
                    "choose an empty directory with --dir",
                ));
            }
            Ok(None)
        }
        Err(cause) => Err(Failure::new(
            format!("could not read `{}`: {cause}", mark.display()),
            "choose another directory with --dir",
        )),
    }
}

/// Refuses options that the demo found does not have: it would show something else than asked for.
fn differs(options: &Demo, made: &Made) -> Result<(), Failure> {
    let end = made.first_day + Days::new(u64::from(made.days)) - Days::new(1);
    let same = options.seed.is_none_or(|seed| seed == made.seed)
        && options.scale.is_none_or(|scale| scale == made.scale)
        && (made.landed || !options.landed)
        && options.bill.is_none_or(|bill| bill == made.bill)
        && options.days.is_none_or(|days| days == made.days)
        && options.end.is_none_or(|wanted| wanted == end);
    if same {
        return Ok(());
    }
    let kind = match (made.landed, made.bill) {
        (true, _) => ", landed only",
        (false, DemoBill::Cur2) => "",
        (false, DemoBill::LegacyCur) => ", bill legacy-cur",
        (false, DemoBill::Focus) => ", bill focus",
    };
    Err(Failure::new(
        format!(
            "`{}` holds another demo: seed {}, scale {}, {} days to {end}{kind}",
            options.dir.display(),
            made.seed,
            made.scale,
            made.days
        ),
        "choose another directory with --dir, or remove this one",
    ))
}

fn make(options: &Demo, directory: &Path) -> Result<Made, Failure> {
    let end = options.end.unwrap_or_else(|| now().date_naive() - Days::new(1));
    if !(2000..=2100).contains(&end.year()) {
        return Err(Failure::new(
            format!("{end} is no day of a demo"),
            "choose a day of this century with --end",
        ));
    }
    let days = options.days.unwrap_or(SIX_WEEKS);
    let first_day = end - Days::new(u64::from(days) - 1);
    let (seed, scale) = (options.seed.unwrap_or(1), options.scale.unwrap_or(1));
    let bill = options.bill.unwrap_or_default();
    let mut made = Made { first_day, days, seed, scale, landed: options.landed, bill, done: false };
    let failed = |cause: std::io::Error| {
        Failure::new(
            format!("could not make a demo in `{}`: {cause}", directory.display()),
            "choose another directory with --dir",
        )
    };
    std::fs::create_dir_all(directory).map_err(failed)?;
    mark(directory, &made).map_err(failed)?;
    for name in ["exports", "truth", "ledger"] {
        let left = directory.join(name);
        if left.exists() {
            std::fs::remove_dir_all(left).map_err(failed)?;
        }
    }
    let started = Instant::now();
    if made.landed {
        write_landed(&made, directory, end)?;
    } else {
        let progress = bar("simulating days", u64::from(days));
        let told = |done: u32, of: u32| {
            progress.set_length(u64::from(of));
            progress.set_position(u64::from(done));
        };
        fixtures::demo::make(directory, &made.settings(), made.format(), &told).map_err(failed)?;
        progress.finish_and_clear();
        say(format!(
            "{:<14} wrote {days} days of raw exports to {end} in {:.1} s",
            "demo",
            started.elapsed().as_secs_f64()
        ));
    }
    made.done = true;
    mark(directory, &made).map_err(failed)?;
    Ok(made)
}

/// Says in the directory what is being made there, or was.
fn mark(directory: &Path, made: &Made) -> std::io::Result<()> {
    std::fs::write(directory.join(MARK), serde_json::to_vec_pretty(made)?)
}

fn write_landed(made: &Made, directory: &Path, end: NaiveDate) -> Result<(), Failure> {
    let started = Instant::now();
    let month = fixtures::landed::Month { day: end, scale: u64::from(made.scale), now: now() };
    let written = fixtures::landed::write_month(&directory.join("ledger"), &month)?;
    let seconds = started.elapsed().as_secs_f64();
    for (dataset, rows) in &written.rows {
        say(format!(
            "{:<14} {} rows",
            dataset.name(),
            reports::format::count(i64::try_from(*rows).unwrap_or(i64::MAX))
        ));
    }
    let lines = written.rows.get(&model::landed::Dataset::Charges).copied().unwrap_or(0);
    say(format!(
        "{:<14} written in {seconds:.1} s, {} bill lines a second",
        "landed",
        reports::format::count((lines as f64 / seconds) as i64)
    ));
    std::fs::write(directory.join("lakeledger.toml"), fixtures::landed::TOML)?;
    Ok(())
}
