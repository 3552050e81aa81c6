//! What the API is: its operations, from which the OpenAPI document and the reference page are made.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn, PathItemBuilder, PathsBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, HttpMethod, InfoBuilder, OpenApi, OpenApiBuilder, Required,
    ResponseBuilder,
};

use super::listing::{Column, Kind, ROWS};
use super::resources::{ALERT, FINDING, RESOURCES};
use crate::access::Need;

/// What one address does.
pub struct Operation {
    /// GET or POST.
    pub method: &'static str,
    /// Its address, with `{id}` where a name stands.
    pub path: &'static str,
    /// What it does.
    pub summary: String,
    /// Who may.
    pub who: &'static str,
    /// Parameters, and what each means.
    pub parameters: Vec<(&'static str, &'static str)>,
    /// Columns of its rows; none where an answer is a document of another shape.
    pub columns: &'static [Column],
    /// Whether it lists rows page by page, as JSON or CSV.
    pub lists: bool,
    /// Whether its answer has an `ETag`, by which it is not sent again while it is the same.
    pub tagged: bool,
}

/// What every question for costs may say.
const COSTS: [(&str, &str); 10] = [
    ("from", "first UTC day inside, 2026-10-05"),
    ("to", "first UTC day outside"),
    ("basis", "effective (the default), billed, list or contracted"),
    ("currency", "costs in this currency only"),
    ("team", "costs of this team and of the teams within it only; (none) is what no team owns"),
    ("where", "DIMENSION=VALUE, which rows must hold; may be repeated (filter is the same)"),
    ("idle", "to whom idle costs are charged: owner (the default), keep or proportional"),
    ("shared", "to whom shared costs are charged: keep (the default), even, proportional or fixed"),
    ("ownership", "whose costs are whose: restated (the default), as-was or a moment"),
    ("as_of", "the moment whose owners are meant"),
];

const PAGE: [(&str, &str); 2] = [
    ("limit", "rows of one answer (1000; 10000 at most)"),
    ("cursor", "where the next answer begins: “next” of the one before, X-Next-Cursor of CSV"),
];

/// What is said of an answer with an `ETag`.
const TAGGED: &str = "The answer has an ETag";

const EDITORS: &str = "editors, within what they may see";

fn who(need: Need) -> &'static str {
    match need {
        Need::Nothing => "everybody",
        Need::Seen => "everybody who is let in, within what they may see",
        Need::Bill => "who sees the totals of the bill",
        Need::Whole => "who sees all teams",
    }
}

/// What the shared parameters of resources mean.
fn meaning(name: &str) -> &'static str {
    COSTS.iter().find(|(known, _)| *known == name).map_or("", |(_, what)| what)
}

/// Every operation, in the order of the reference.
pub fn operations() -> Vec<Operation> {
    let with = |own: &[(&'static str, &'static str)], more: &[(&'static str, &'static str)]| {
        own.iter().chain(&COSTS).chain(more).copied().collect::<Vec<_>>()
    };
    let operation = |method, path, summary: &str, who| Operation {
        method,
        path,
        summary: summary.to_owned(),
        who,
        parameters: Vec::new(),
        columns: &[],
        lists: false,
        tagged: false,
    };
    let mut operations = vec![
        Operation {
            parameters: with(
                &[
                    (
                        "by",
                        "dimensions, commas between, that rows are grouped by: day, week, month, team, workload, run, table, cluster, service, account, region, pool, category, engine, method, consumer, org, org:LEVEL, tag:NAME (group_by is the same)",
                    ),
                    ("granularity", "day, week, month or all: the first dimension"),
                ],
                &PAGE,
            ),
            lists: true,
            tagged: true,
            ..operation(
                "GET",
                "/api/v1/costs",
                "Costs by any dimensions; every grouping sums to the whole",
                who(Need::Seen),
            )
        },
        Operation {
            parameters: with(
                &[
                    ("lines", "true for the bill lines behind each part"),
                    ("parts", "largest parts that are told (100; 10000 at most); the rest is summed"),
                ],
                &[],
            ),
            ..operation(
                "GET",
                "/api/v1/explain",
                "One figure opened down to its parts, their arithmetic and bill lines",
                who(Need::Seen),
            )
        },
    ];
    operations.extend(RESOURCES.iter().map(|resource| {
        let own = |name: &str| resource.own.iter().find(|own| own.name == name).map(|own| own.what);
        let named = resource.parameters().into_iter().map(|name| (name, own(name).unwrap_or(meaning(name))));
        Operation {
            parameters: named.chain(PAGE).collect(),
            columns: resource.columns,
            lists: true,
            tagged: resource.fixed,
            ..operation("GET", resource.path, resource.summary, who(resource.need))
        }
    }));
    let one = "/api/v1/findings/{id}";
    operations.push(Operation {
        columns: FINDING,
        ..operation("GET", one, "One finding with its evidence, guards and history", who(Need::Seen))
    });
    operations.push(Operation {
        parameters: vec![
            ("act", "acknowledge, assign, snooze, dismiss or reopen"),
            ("to", "who looks after it (assign)"),
            ("until", "the UTC day until which it waits (snooze)"),
            ("reason", "why it is none (dismiss)"),
        ],
        columns: FINDING,
        ..operation("POST", one, "Decides on a finding; recorded with who and when", EDITORS)
    });
    let one = "/api/v1/alerts/{id}";
    operations.push(Operation {
        columns: ALERT,
        ..operation("GET", one, "One alert with what happened to it", who(Need::Seen))
    });
    operations.push(Operation {
        parameters: vec![
            ("act", "acknowledge"),
            ("hours", "for how long somebody knows: a whole number from 1 to 8784"),
        ],
        columns: ALERT,
        ..operation(
            "POST",
            one,
            "Notes that somebody knows of an alert: nobody is told again until then, unless it gets worse",
            EDITORS,
        )
    });
    operations
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::Type(Type::String))
}

fn of_kind(kind: Kind, what: &str) -> ObjectBuilder {
    let schema = match kind {
        Kind::Text => text(),
        Kind::Money => text().pattern(Some(r"^-?[0-9]+(\.[0-9]+)?$")),
        Kind::Count => ObjectBuilder::new().schema_type(SchemaType::Type(Type::Integer)),
        Kind::Moment => text().format(Some(utoipa::openapi::SchemaFormat::Custom("date-time".to_owned()))),
        Kind::Day => text().format(Some(utoipa::openapi::SchemaFormat::Custom("date".to_owned()))),
        Kind::Flag => ObjectBuilder::new().schema_type(SchemaType::Type(Type::Boolean)),
    };
    schema.description(Some(what))
}

fn row(columns: &[Column]) -> ObjectBuilder {
    columns.iter().fold(ObjectBuilder::new(), |object, column| {
        object.property(column.name, of_kind(column.kind, column.what))
    })
}

fn answer_of(operation: &Operation) -> ObjectBuilder {
    if !operation.lists {
        return row(operation.columns);
    }
    let next = "where the next answer begins; null at the end";
    ObjectBuilder::new()
        .property("mart", of_kind(Kind::Text, "id of the figures"))
        .property("published_at", of_kind(Kind::Moment, "when they were published"))
        .property("rows", ArrayBuilder::new().items(row(operation.columns)))
        .property("next", of_kind(Kind::Text, next))
}

/// The OpenAPI document.
pub fn document() -> OpenApi {
    let mut items: Vec<(&'static str, PathItemBuilder)> = Vec::new();
    for operation in operations() {
        let is_post = operation.method == "POST";
        let id = operation.method.to_lowercase()
            + &operation.path.replace("/api/v1", "").replace('/', "_").replace(['{', '}'], "");
        let problem =
            || ContentBuilder::new().schema(Some(ObjectBuilder::new().description(Some("RFC 9457")))).build();
        let mut ok = ResponseBuilder::new()
            .description(operation.summary.clone())
            .content("application/json", ContentBuilder::new().schema(Some(answer_of(&operation))).build());
        if operation.lists {
            ok = ok.content("text/csv", ContentBuilder::new().schema(Some(text())).build());
        }
        let mut built = OperationBuilder::new()
            .operation_id(Some(id))
            .summary(Some(operation.summary.clone()))
            .description(Some(match operation.tagged {
                true => format!("For {}. {TAGGED}.", operation.who),
                false => format!("For {}.", operation.who),
            }))
            .response("200", ok)
            .response(
                "default",
                ResponseBuilder::new().description("Why not").content("application/problem+json", problem()),
            );
        if operation.path.contains("{id}") {
            built = built.parameter(
                ParameterBuilder::new()
                    .name("id")
                    .parameter_in(ParameterIn::Path)
                    .required(Required::True)
                    .schema(Some(text())),
            );
        }
        if is_post {
            let body = operation.parameters.iter().fold(ObjectBuilder::new(), |body, (name, what)| {
                body.property(*name, of_kind(Kind::Text, what))
            });
            let content = ContentBuilder::new().schema(Some(body.required("act"))).build();
            built = built
                .request_body(Some(RequestBodyBuilder::new().content("application/json", content).build()));
        } else {
            for (name, what) in &operation.parameters {
                let schema = match *name {
                    "limit" => ObjectBuilder::new()
                        .schema_type(SchemaType::Type(Type::Integer))
                        .minimum(Some(1))
                        .maximum(Some(ROWS.1)),
                    _ => text(),
                };
                built = built.parameter(
                    ParameterBuilder::new()
                        .name(*name)
                        .parameter_in(ParameterIn::Query)
                        .required(Required::False)
                        .description(Some(*what))
                        .schema(Some(schema)),
                );
            }
        }
        let method = if is_post { HttpMethod::Post } else { HttpMethod::Get };
        match items.iter().position(|(path, _)| *path == operation.path) {
            Some(at) => {
                let (path, item) = items.remove(at);
                items.insert(at, (path, item.operation(method, built)));
            }
            None => items.push((operation.path, PathItemBuilder::new().operation(method, built))),
        }
    }
    let paths =
        items.into_iter().fold(PathsBuilder::new(), |paths, (path, item)| paths.path(path, item.build()));
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("a token of [access], where the dashboard is not open on the loopback"));
    OpenApiBuilder::new()
        .info(InfoBuilder::new().title("Lakeledger").version("1").description(Some(
            "Costs are exact decimals in texts; days are UTC and half-open; errors are RFC 9457.",
        )))
        .paths(paths)
        .components(Some(
            ComponentsBuilder::new().security_scheme("token", SecurityScheme::Http(bearer.build())).build(),
        ))
        .security(Some([
            SecurityRequirement::default(),
            SecurityRequirement::new("token", Vec::<String>::new()),
        ]))
        .build()
}

/// `GET /api/v1/openapi.json`.
pub async fn openapi() -> Response {
    match document().to_json() {
        Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(error) => super::Problem::of(&crate::error::PageError::Json(error)).into_response(),
    }
}
