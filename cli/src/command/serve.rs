//! `serve`: the dashboard, and the scheduler beside it.

use std::path::Path;
use std::process::ExitCode;

use crate::args::Serve;
use crate::command::{config, now};
use crate::printer::{Failure, say};
use crate::scheduler::Scheduler;

/// Serves until interrupted.
pub fn run(path: &Path, options: &Serve) -> Result<ExitCode, Failure> {
    let config = config(path)?;
    if config.access.is_none() && !options.listen.ip().is_loopback() {
        return Err(Failure::new(
            format!("refusing to listen on {}: anyone who reaches it could read every cost", options.listen),
            "say who is let in: a token for each (`lakeledger token new --name NAME` writes its [[access.token]]) or a \
             proxy that signs people in ([access.proxy]); or listen on 127.0.0.1",
        ));
    }
    let settings = web::Settings {
        base_url: config.reports.base_url.clone(),
        schedules: config.schedules.iter().map(|one| one.schedule.clone()).collect(),
        watch: config.watch.clone(),
        digests: config.reports.digests.clone(),
    };
    let state = web::State::configured(config.ledger.clone(), now, config.access.clone(), settings);
    let scheduler = (!options.no_schedule).then(|| Scheduler::start(path, config));
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::bind(options.listen).await.map_err(|cause| {
            Failure::new(
                format!("could not listen on {}: {cause}", options.listen),
                "stop what listens there, or choose another port with --listen 127.0.0.1:PORT",
            )
        })?;
        say(format!("dashboard at http://{}/ (stop with Ctrl-C)", listener.local_addr()?));
        web::serve(listener, state, async {
            // Without a signal handler Ctrl-C still ends the process, only less politely.
            let _ = tokio::signal::ctrl_c().await;
        })
        .await?;
        Ok::<_, Failure>(())
    })?;
    if let Some(scheduler) = scheduler {
        scheduler.stop();
    }
    Ok(ExitCode::SUCCESS)
}
