//! From a plan to lanes: hosts, links, mailboxes and routes.

use super::crew::{Route, Routes};
use super::host::NodeHost;
use super::lane::Lane;
use super::link::{End, MailSender, link, mailbox};
use super::mailbox::actions;
use super::node::Node;
use super::plan::{LanePlan, Plan, PlanNode, Queue};
use super::shared::Shared;
use super::tap::Wiring;
use super::telemetry::Meter;
use super::wake::{Bell, Wake};
use abi_stable::std_types::RStr;
use pipeline_plugin_api::abi::{PortKind, Stage};
use std::sync::Arc;

/// Where each node of the graph ended up.
struct Places {
    /// For each node: its lane and its place in it.
    at: Vec<(usize, usize)>,
    mail: Vec<MailSender>,
}

impl Places {
    /// How something of node `from` reaches node `to`.
    fn route(&self, from: usize, to: usize) -> Route {
        let (lane, place) = self.at[to];
        if self.at[from].0 == lane {
            Route::Here(place)
        } else {
            Route::There(self.mail[to].clone())
        }
    }
}

/// Makes the lanes of a plan; with `inline` a single one. Nothing is started.
///
/// # Errors
/// The process has no descriptors left.
pub fn lanes(plan: &Plan, shared: &Arc<Shared>, inline: bool) -> std::io::Result<Vec<Lane>> {
    shared.wiring.get_or_init(|| Wiring::of(plan));
    let lane_plans = plan.lanes(inline);
    let bells = lane_plans
        .iter()
        .map(|_| Bell::new())
        .collect::<std::io::Result<Vec<Bell>>>()?;
    let (mut nodes, places) = nodes(plan, shared, &lane_plans, &bells);
    connect(plan, &places, &bells, &mut nodes);
    let mut routes = routes(plan, &places);
    let mut nodes: Vec<Option<Node>> = nodes.into_iter().map(Some).collect();
    let lanes = lane_plans.into_iter().zip(bells).map(|(lane, bell)| {
        let lane_routes = lane
            .nodes
            .iter()
            .map(|index| std::mem::take(&mut routes[*index]))
            .collect();
        let lane_nodes = lane.nodes.iter().filter_map(|index| nodes[*index].take()).collect();
        Lane::new(&lane.name, lane_nodes, lane_routes, shared.clone(), bell, lane.cpu)
    });
    Ok(lanes.collect())
}

fn nodes(plan: &Plan, shared: &Arc<Shared>, lanes: &[LanePlan], bells: &[Bell]) -> (Vec<Node>, Places) {
    let mut places = Places {
        at: vec![(0, 0); plan.nodes.len()],
        mail: Vec::new(),
    };
    for (lane, lane_plan) in lanes.iter().enumerate() {
        for (place, index) in lane_plan.nodes.iter().enumerate() {
            places.at[*index] = (lane, place);
        }
    }
    let made = plan.nodes.iter().enumerate().map(|(index, node)| {
        let lane = places.at[index].0;
        let bell = &bells[lane];
        let sources = node
            .from
            .iter()
            .map(|upstream| plan.nodes[*upstream].name.clone())
            .collect();
        let host = NodeHost::new(shared.clone(), &node.name, sources, Wake::new(bell.clone()));
        let (sender, receiver) = mailbox(bell.clone());
        shared.desk.enroll(&node.name, sender.clone());
        places.mail.push(sender);
        let element = node.element.name();
        let meter = Arc::new(Meter::new(&node.name, element.as_str(), node.stage, &lanes[lane].name));
        shared.telemetry.enroll(meter.clone());
        let mut made = Node::new(index, node.clone(), host, meter, shared.clone(), receiver);
        made.unheard = !plan.decides_on(index);
        made
    });
    (made.collect(), places)
}

/// The edges of `from`: looked up in the lane, or between lanes a link, or a mailbox for actions.
fn connect(plan: &Plan, places: &Places, bells: &[Bell], nodes: &mut [Node]) {
    for (index, node) in plan.nodes.iter().enumerate() {
        let (lane, _) = places.at[index];
        for (port, upstream) in node.from.iter().enumerate() {
            let port = port as u32;
            let (upstream_lane, upstream_place) = places.at[*upstream];
            let (bell, meter) = (bells[lane].clone(), nodes[index].meter.clone());
            if upstream_lane == lane {
                nodes[index].local.push((port, upstream_place));
            } else if node.stage == Stage::ACTUATOR && plan.nodes[*upstream].stage == Stage::SCHEDULER {
                let (sender, receiver) = actions(bell, meter);
                nodes[*upstream].posts.push(sender);
                nodes[index].orders.push((port, receiver));
            } else {
                let queue = node.queue.unwrap_or_else(|| usual_queue(&plan.nodes[*upstream], node));
                let end = End {
                    node: index as u32,
                    port,
                };
                let (sender, receiver) = link(queue, bell, meter, end);
                nodes[*upstream].sends.push(sender);
                nodes[index].links.push((port, receiver));
            }
        }
    }
}

/// How much may wait between two nodes where the graph does not say. What one scheduler hands another are actions, of
/// which none is to be dropped before the lane is stuck beyond hope.
fn usual_queue(upstream: &PlanNode, node: &PlanNode) -> Queue {
    let usual = Queue::default();
    if upstream.stage == Stage::SCHEDULER && node.stage == Stage::SCHEDULER {
        return Queue {
            capacity: Queue::MOST,
            ..usual
        };
    }
    usual
}

/// Whether it tells schedulers what became of their actions: an actuator, or a scheduler that stands between.
fn answers(node: &PlanNode) -> bool {
    let gives_outcomes = || {
        let ports = node.element.ports()(RStr::from_str(&node.config)).into_result();
        ports.is_ok_and(|ports| ports.gives.iter().any(|port| port.kind == PortKind::OUTCOMES))
    };
    node.stage == Stage::ACTUATOR || (node.stage == Stage::SCHEDULER && gives_outcomes())
}

/// What goes elsewhere than along `from`.
fn routes(plan: &Plan, places: &Places) -> Vec<Routes> {
    let mut routes: Vec<Routes> = plan.nodes.iter().map(|_| Routes::default()).collect();
    for (index, node) in plan.nodes.iter().enumerate() {
        for of in plan.scope(index) {
            routes[of.provider]
                .changes
                .push((places.route(of.provider, index), of.target));
        }
        for (place, later) in node.last.iter().enumerate() {
            routes[*later].last.push((places.route(*later, index), place as u32));
        }
        if answers(node) {
            let schedulers = node
                .from
                .iter()
                .filter(|upstream| plan.nodes[**upstream].stage == Stage::SCHEDULER);
            for scheduler in schedulers {
                routes[index].feedback.push(places.route(index, *scheduler));
            }
        }
    }
    routes
}
