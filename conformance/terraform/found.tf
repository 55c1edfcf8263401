# What the data sources find of the contact centre.

locals {
  inside = { instance_id = aws_connect_instance.this.id }
}

data "aws_connect_instance" "this" {
  instance_alias = aws_connect_instance.this.instance_alias
}

data "aws_connect_instance_storage_config" "this" {
  for_each       = aws_connect_instance_storage_config.bucket
  instance_id    = local.inside.instance_id
  association_id = each.value.association_id
  resource_type  = each.key
}

data "aws_connect_lambda_function_association" "this" {
  for_each     = aws_connect_lambda_function_association.this
  instance_id  = local.inside.instance_id
  function_arn = each.value.function_arn
}

data "aws_connect_bot_association" "this" {
  for_each    = aws_connect_bot_association.this
  instance_id = local.inside.instance_id

  lex_bot {
    name       = each.value.lex_bot[0].name
    lex_region = each.value.lex_bot[0].lex_region
  }
}

data "aws_connect_vocabulary" "this" {
  for_each    = aws_connect_vocabulary.this
  instance_id = local.inside.instance_id
  name        = each.value.name
}

data "aws_connect_contact_flow_module" "this" {
  instance_id = local.inside.instance_id
  name        = aws_connect_contact_flow_module.this.name
}

data "aws_connect_contact_flow" "this" {
  for_each    = aws_connect_contact_flow.this
  instance_id = local.inside.instance_id
  name        = each.value.name
}

data "aws_connect_prompt" "this" {
  instance_id = local.inside.instance_id
  name        = "Welcome"
}

data "aws_connect_hours_of_operation" "this" {
  for_each    = aws_connect_hours_of_operation.this
  instance_id = local.inside.instance_id
  name        = each.value.name
}

data "aws_connect_queue" "this" {
  for_each    = aws_connect_queue.this
  instance_id = local.inside.instance_id
  name        = each.value.name
}

data "aws_connect_quick_connect" "this" {
  for_each    = aws_connect_quick_connect.this
  instance_id = local.inside.instance_id
  name        = each.value.name
}

data "aws_connect_routing_profile" "this" {
  for_each    = aws_connect_routing_profile.this
  instance_id = local.inside.instance_id
  name        = each.value.name
}

data "aws_connect_security_profile" "this" {
  for_each    = aws_connect_security_profile.this
  instance_id = local.inside.instance_id
  name        = each.value.name
}

data "aws_connect_user_hierarchy_structure" "this" {
  instance_id = aws_connect_user_hierarchy_structure.this.instance_id
}

data "aws_connect_user_hierarchy_group" "this" {
  for_each    = aws_connect_user_hierarchy_group.this
  instance_id = local.inside.instance_id
  name        = each.value.name
}

data "aws_connect_user" "this" {
  for_each    = aws_connect_user.this
  instance_id = local.inside.instance_id
  name        = each.value.name
}
