//! `mimic`: a command that does what its first argument says.

use pipeline_plugin_api::abi::GraphRequest;
use pipeline_plugin_api::prelude::*;
use std::fmt::Write;

/// `mimic echo WORDS`, `mimic status N`, `mimic fail`, `mimic panic`, `mimic lines N`, `mimic run GRAPH [STAND-IN]`.
pub struct Mimic;

impl Element for Mimic {
    const NAME: &'static str = "mimic";
    const SUMMARY: &'static str = "does what its first argument says";
    type Config = NoConfig;

    fn ports(_: &NoConfig) -> Ports {
        Ports::new()
    }

    fn create(_: NoConfig, _: &Host) -> Result<Self> {
        Ok(Self)
    }
}

impl Command for Mimic {
    fn run(&mut self, arguments: &[String], console: &Console) -> Result<u8> {
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        match words[..] {
            ["--help"] => {
                console.print("mimic: help of its own\n");
                Ok(0)
            }
            ["echo", ref words @ ..] => {
                let _all = words.iter().all(|word| console.print(&format!("{word}\n")));
                console.warn("echoed\n");
                Ok(0)
            }
            ["status", status] => status
                .parse()
                .map_err(|_| Failure::fatal("a status is a number up to 255")),
            ["panic"] => panic!("as it was told"),
            ["lines", count] => Ok(lines(count.parse().unwrap_or(0), console)),
            ["run", graph, ref stand_ins @ ..] => self.graph(graph, stand_ins, console),
            _ => Err(Failure::fatal("say `echo`, `status`, `panic`, `lines` or `run`")),
        }
    }
}

/// Writes until nobody reads any more.
fn lines(count: u64, console: &Console) -> u8 {
    let written = (0..count)
        .take_while(|number| console.print(&format!("{number}\n")))
        .count() as u64;
    u8::from(written < count) * 7
}

impl Mimic {
    /// A second of virtual time; `node=element` puts an element in a node's place, `node.field:value` sets a field.
    fn graph(&self, graph: &str, changes: &[&str], console: &Console) -> Result<u8> {
        let request = GraphRequest::virtual_time("given.ron", graph, Nanos::from_secs(1)).with_own_sinks();
        let request = changes.iter().fold(request, |request, change| {
            match (change.split_once('='), change.split_once('.')) {
                (Some((node, element)), _) => request.stand_in(node, element, ""),
                (None, Some((node, setting))) => {
                    let (field, value) = setting.split_once(':').unwrap_or((setting, "0"));
                    request.setting(node, field, value)
                }
                _ => request,
            }
        });
        let end = console.run_graph(&request)?;
        let mut told = format!("exit {}: {}\n{}", end.exit, end.why, end.faults);
        if let Some(figures) = end.figures() {
            let ended = if figures.run_id == end.run_id.as_str() {
                figures.ended
            } else {
                String::new()
            };
            let _ = writeln!(told, "ended by {ended}");
            for node in figures.nodes {
                let _ = writeln!(told, "{} {}", node.name, node.calls);
            }
        }
        console.print(&told);
        Ok(u8::from(end.exit != 0))
    }
}
